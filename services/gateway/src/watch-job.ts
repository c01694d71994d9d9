import { type Job, Job as JobMessage } from "@heimdex/contracts/v1/job";
import type { Bus } from "@heimdex/ports";
import type { JobReader } from "./job-reader.ts";

export interface WatchOptions {
  /** Whose job it must be. */
  readonly tenant: string;
  /** The job at this version is known to the caller already; 0: none is. */
  readonly afterVersion: number;
  /** The job is read this often even without an event. */
  readonly pollMs: number;
  /** Go on until what the job found answers searches. */
  readonly untilSearchable: boolean;
  readonly signal: AbortSignal;
}

/** Yields the job as it stands and after each change (progress of its steps included), and returns once it has ended and settled, and answers
 * searches where that was asked for (one that ended without a sidecar never will).
 * Events only say that a look is due: a lost one delays a message by `pollMs`, and several during one look cost one more look.
 * @throws HeimdexError JOB_NOT_FOUND; `signal.reason` when aborted */
export async function* watchJob(jobs: JobReader, bus: Bus, id: string, options: WatchOptions): AsyncGenerator<Job> {
  const { tenant, afterVersion, pollMs, untilSearchable, signal } = options;
  const wake = new Wake();
  const abort = () => wake.ring();
  signal.addEventListener("abort", abort);
  try {
    // Subscribed before the first look, so that no change falls between the two.
    await using _subscription = await bus.subscribe(`events.job.${id}`, () => wake.ring());
    let sent: string | undefined;
    for (;;) {
      signal.throwIfAborted();
      wake.reset();
      const { job, settled } = await jobs.read(tenant, id);
      const now = Buffer.from(JobMessage.encode(job).finish()).toString("base64");
      const known = sent === undefined && afterVersion > 0 && job.version <= afterVersion;
      if (!known && now !== sent) yield job;
      sent = now;
      if (settled && (!untilSearchable || job.searchable || job.sidecarRevision === 0)) return;
      await wake.wait(pollMs);
    }
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** A bell that stays rung until it is reset. */
class Wake {
  #rung = Promise.withResolvers<void>();

  ring(): void {
    this.#rung.resolve();
  }

  reset(): void {
    this.#rung = Promise.withResolvers<void>();
  }

  /** Until it rings, at most `ms`. */
  async wait(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    try {
      await Promise.race([this.#rung.promise, promise]);
    } finally {
      clearTimeout(timer);
    }
  }
}
