import { Failed_Kind, Finish, type FinishAnswer, FinishAnswer_Result } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import { backoffMs, pause } from "./backoff.ts";
import { callFailure } from "./connection.ts";
import type { SessionLink } from "./session-link.ts";

const MAX_ENTRIES = 256;
/** Of encoded entries: below the contract's 3 MiB of inline outputs, and the message below 4 MiB whatever else they hold. */
const MAX_BYTES = 3 * 1024 * 1024;

interface Entry {
  finish: Finish;
  readonly bytes: number;
}

/** Sends how leases ended. One call is under way at a time; what ends meanwhile goes together in the next, so that a call's cost, and on the server
 * a commit's, is shared by more the busier the worker is. A call that fails is repeated: entries may be sent twice. */
export class Finisher {
  readonly #link: SessionLink;
  readonly #onDone: (lease: string) => void;
  readonly #queue: Entry[] = [];
  #sending = 0;
  #scheduled = false;
  #idle: PromiseWithResolvers<void> | undefined;

  /** @param onDone called when the server has taken note, or there is nothing more to be said */
  constructor(link: SessionLink, onDone: (lease: string) => void) {
    this.#link = link;
    this.#onDone = onDone;
    link.ended.addEventListener("abort", () => this.#drop(), { once: true });
  }

  /** Results not yet acknowledged. */
  get waiting(): number {
    return this.#queue.length + this.#sending;
  }

  add(finish: Finish): void {
    if (this.#link.ended.aborted) {
      this.#onDone(finish.lease);
      return;
    }
    this.#queue.push({ finish, bytes: Finish.encode(finish).finish().byteLength });
    this.#schedule();
  }

  /** Resolves when nothing waits any more. */
  async idle(): Promise<void> {
    if (this.waiting === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => void this.#send());
  }

  async #send(): Promise<void> {
    while (this.#queue.length > 0 && !this.#link.ended.aborted) {
      const batch = this.#take();
      this.#sending = batch.length;
      await this.#deliver(batch);
      this.#sending = 0;
    }
    this.#scheduled = false;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  #take(): Finish[] {
    const batch: Finish[] = [];
    let bytes = 0;
    for (;;) {
      const next = this.#queue[0];
      if (next === undefined || batch.length === MAX_ENTRIES || (batch.length > 0 && bytes + next.bytes > MAX_BYTES))
        return batch;
      bytes += next.bytes;
      batch.push(next.finish);
      this.#queue.shift();
    }
  }

  async #deliver(batch: readonly Finish[]): Promise<void> {
    for (let failures = 1; ; failures++) {
      try {
        const { answers } = await this.#link.call(({ work }, options) =>
          work.finishLeases({ session: this.#link.id, finishes: [...batch] }, options),
        );
        for (const finish of batch) {
          this.#explain(
            finish,
            answers.find(({ lease }) => lease === finish.lease),
          );
          this.#onDone(finish.lease);
        }
        return;
      } catch (reason) {
        if (this.#link.ended.aborted) return;
        if (!(reason instanceof HeimdexError) || callFailure(reason) === "refused") {
          await this.#refused(batch, reason);
          return;
        }
        await pause(backoffMs(failures), this.#link.ended);
      }
    }
  }

  /** One entry spoils the call for all: each is sent alone, and the one at fault becomes a failure that says so. */
  async #refused(batch: readonly Finish[], reason: unknown): Promise<void> {
    if (batch.length > 1) {
      for (const finish of batch) await this.#deliver([finish]);
      return;
    }
    const [finish] = batch as [Finish];
    const message = reason instanceof Error ? reason.message : String(reason);
    this.#link.log.error({ err: reason, lease: finish.lease }, "the server does not take this result");
    if (finish.outcome?.$case === "failed" && finish.outcome.value.reason === "RESULT_REFUSED") {
      this.#onDone(finish.lease);
      return;
    }
    const value = {
      kind: Failed_Kind.TERMINAL,
      reason: "RESULT_REFUSED",
      message: message.slice(0, 2_000),
      help: "The stage has a fault: report it with its name and version.",
      retryAfter: undefined,
      logTail: "",
    };
    await this.#deliver([{ ...finish, outcome: { $case: "failed", value }, spans: [] }]);
  }

  #explain(finish: Finish, answer: FinishAnswer | undefined): void {
    const facts = { lease: finish.lease, reason: answer?.reason, message: answer?.message };
    if (answer === undefined) this.#link.log.error(facts, "the server left a result unanswered");
    else if (answer.result === FinishAnswer_Result.REFUSED) this.#link.log.error(facts, "a result was refused");
    else if (answer.result === FinishAnswer_Result.SUPERSEDED) this.#link.log.info(facts, "a result came too late");
  }

  /** The session is over: nobody takes these any more. */
  #drop(): void {
    for (const { finish } of this.#queue.splice(0)) this.#onDone(finish.lease);
    this.#idle?.resolve();
    this.#idle = undefined;
  }
}
