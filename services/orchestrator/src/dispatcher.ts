import type { Artifact, Lease as LeaseMessage } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import {
  type ArtifactRef,
  type Job,
  type Lease,
  type SessionRecord,
  SOURCE_SCHEMA,
  type Step,
  stepInputs,
} from "@heimdex/kernel";
import type { Blobs } from "@heimdex/ports";
import { formatTraceparent, newSpanId } from "@heimdex/telemetry";
import { unfoldLists } from "./artifacts.ts";
import type { OrchestratorConfig } from "./config.ts";
import { jobSort } from "./job-document.ts";
import type { JobStore } from "./job-store.ts";
import type { JobTrace } from "./job-trace.ts";
import type { LeaseTable } from "./lease-table.ts";
import { isPassing } from "./passing.ts";
import { requirement } from "./requirement.ts";
import type { ReadyStep, Scheduler } from "./scheduler.ts";
import { type DataGrant, signGrant } from "./signed-url.ts";
import { sourceName, sourcePath } from "./source.ts";

/** Largest answer to a poll, bytes by estimate: gRPC's wall is at 4 MiB. */
const MAX_ANSWER_BYTES = 3_000_000;
const BYTES_PER_LEASE = 500;
const BYTES_PER_ARTIFACT = 700;
/** A step that could not be leased because of a fault of ours waits this long. */
const AGAIN_MS = 500;

/** An answer to a poll that is being filled. */
interface Answer {
  bytes: number;
  readonly leases: LeaseMessage[];
}

/** Gives ready steps to sessions as leases. */
export class Dispatcher {
  readonly #store: JobStore;
  readonly #scheduler: Scheduler;
  readonly #leases: LeaseTable;
  readonly #blobs: Blobs;
  readonly #trace: JobTrace;
  readonly #config: OrchestratorConfig;
  readonly #dataUrl: () => string;

  constructor(parts: {
    store: JobStore;
    scheduler: Scheduler;
    leases: LeaseTable;
    blobs: Blobs;
    trace: JobTrace;
    config: OrchestratorConfig;
    dataUrl: () => string;
  }) {
    this.#store = parts.store;
    this.#scheduler = parts.scheduler;
    this.#leases = parts.leases;
    this.#blobs = parts.blobs;
    this.#trace = parts.trace;
    this.#config = parts.config;
    this.#dataUrl = parts.dataUrl;
  }

  /** Puts a ready step into the queue. */
  offer(job: Job, step: Step): void {
    this.#scheduler.offer({
      job: job.id,
      stage: step.stage,
      requires: requirement(step.digest, step.models),
      sort: jobSort(job),
      notBeforeMs: step.notBeforeMs,
    });
  }

  /** Leases what the session may have of `slots`; waits until there is something or `waitMs` are over. Aborting gives nothing. */
  async acquire(
    session: SessionRecord,
    offers: ReadonlyMap<string, string>,
    slots: ReadonlyMap<string, number>,
    requestId: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<LeaseMessage[]> {
    const untilMs = Date.now() + waitMs;
    for (;;) {
      const steps = await this.#next(session.id, offers, slots, Math.max(0, untilMs - Date.now()), signal);
      if (steps.length === 0) return [];
      const answer: Answer = { bytes: 0, leases: [] };
      const ended = await Promise.allSettled(steps.map((step) => this.#grant(session, step, requestId, answer)));
      this.#scheduler.handed(steps.length);
      if (answer.leases.length < steps.length) this.#scheduler.wake();
      if (answer.leases.length > 0) return answer.leases;
      const failed = ended.find((one) => one.status === "rejected");
      if (failed !== undefined) throw failed.reason;
    }
  }

  #next(
    session: string,
    offers: ReadonlyMap<string, string>,
    slots: ReadonlyMap<string, number>,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<readonly ReadyStep[]> {
    return new Promise((resolve) => {
      const poll = { session, slots, offers, take: (steps: readonly ReadyStep[]) => done(steps) };
      // Behind the scheduler's own turn: a poll that does not wait gets what is ready now.
      const timer = setTimeout(() => setImmediate(() => done([])), waitMs);
      const stop = () => done([]);
      const done = (steps: readonly ReadyStep[]) => {
        clearTimeout(timer);
        signal.removeEventListener("abort", stop);
        this.#scheduler.unpark(poll);
        resolve(steps);
      };
      if (signal.aborted) return done([]);
      signal.addEventListener("abort", stop, { once: true });
      this.#scheduler.park(poll);
    });
  }

  /** Leases a step, unless somebody was quicker or `answer` is full: then it goes back into the queue. */
  async #grant(session: SessionRecord, ready: ReadyStep, requestId: string, answer: Answer): Promise<void> {
    try {
      const before = await this.#store.get(ready.job);
      const index = before?.steps.findIndex((step) => step.stage === ready.stage) ?? -1;
      const step = before?.steps[index];
      if (before === undefined || step?.state !== "READY") return;
      const nowMs = Date.now();
      const lease: Lease = {
        id: `${ready.job}-${index}-${step.epoch + 1}`,
        epoch: step.epoch + 1,
        session: session.id,
        requestId,
        grantedAtMs: nowMs,
        expiresAtMs: nowMs + this.#config.acceptWithinMs,
        spanId: newSpanId(),
      };
      const message = await this.#message(before, step, lease, session).catch(HeimdexError.from);
      if (message instanceof HeimdexError && isPassing(message)) throw message;
      const bytes = message instanceof HeimdexError ? 0 : estimatedBytes(message);
      if (answer.bytes > 0 && answer.bytes + bytes > MAX_ANSWER_BYTES) return this.#scheduler.offer(ready);
      answer.bytes += bytes;
      await this.#lease(session, before, step, lease, message, answer);
    } catch (reason) {
      this.#scheduler.offer({ ...ready, notBeforeMs: Date.now() + AGAIN_MS });
      throw reason;
    }
  }

  async #lease(
    session: SessionRecord,
    { id }: Job,
    step: Step,
    lease: Lease,
    message: LeaseMessage | HeimdexError,
    answer: Answer,
  ): Promise<void> {
    const atMs = lease.grantedAtMs;
    const { worker, device } = session;
    const event = { kind: "leased", atMs, stage: step.stage, lease, worker, device } as const;
    const { job, applied } = await this.#store.apply(id, event);
    if (!applied) return;
    if (message instanceof HeimdexError) return this.#unreadable(job, step, lease, message);
    this.watch(job, { ...step, lease });
    answer.leases.push(message);
    const readyAtMs = Math.max(step.readyAtMs, step.notBeforeMs);
    this.#trace.own(job, {
      name: `queue ${step.stage}`,
      spanId: newSpanId(),
      parentId: "",
      startMs: readyAtMs,
      durationMs: Math.max(0, atMs - readyAtMs),
      attributes: { stage: step.stage },
    });
  }

  /** What the step reads has gone since it was planned: a failed attempt, though nobody was asked to make it. */
  async #unreadable(job: Job, step: Step, lease: Lease, { id, message, help }: HeimdexError): Promise<void> {
    await this.#store.apply(job.id, {
      kind: "failed",
      atMs: Date.now(),
      stage: step.stage,
      fence: { lease: lease.id, epoch: lease.epoch },
      failure: { kind: "RETRYABLE", reason: id, message, help, retryAfterMs: undefined, logTail: "" },
      wallMs: 0,
      cpuMs: 0,
      random: Math.random(),
    });
  }

  /** Watches a lease's clocks.
   * @param found it was not granted just now, but found in the catalog: its worker gets the time to accept for being heard of */
  watch(job: Job, step: Step, found = false): void {
    const lease = step.lease;
    if (lease === undefined) return;
    const nowMs = Date.now();
    this.#leases.add({
      job: job.id,
      stage: step.stage,
      tenant: job.tenant,
      session: lease.session,
      fence: { lease: lease.id, epoch: lease.epoch },
      expiresAtMs: found ? Math.max(lease.expiresAtMs, nowMs + this.#config.acceptWithinMs) : lease.expiresAtMs,
      progressAtMs: found ? nowMs : lease.grantedAtMs,
      lastProgress: "",
      uploads: found,
      stallMs: step.stallMs,
      deadlineMs: lease.grantedAtMs + step.attemptMs,
    });
  }

  async #message(job: Job, step: Step, lease: Lease, session: SessionRecord): Promise<LeaseMessage> {
    const inputs: Artifact[] = [];
    for (const [port, refs] of stepInputs(job, step)) {
      const fromSource = step.bindings.find((binding) => binding.port === port)?.fromPort === SOURCE_SCHEMA;
      for (const ref of await unfoldLists(this.#blobs, job.tenant, refs))
        inputs.push(this.#input(job, step, lease, session, port, ref, fromSource));
    }
    return {
      lease: lease.id,
      epoch: lease.epoch,
      stage: step.stage,
      stageVersion: step.version,
      job: job.id,
      asset: job.asset,
      sourceName: sourceName(job.sourceUri),
      attempt: lease.epoch,
      config: JSON.stringify(step.config),
      inputs,
      expireTime: new Date(lease.expiresAtMs),
      traceparent: formatTraceparent({ traceId: job.traceId, spanId: lease.spanId, sampled: true }),
      attemptTimeoutMs: step.attemptMs,
    };
  }

  #input(
    job: Job,
    step: Step,
    lease: Lease,
    session: SessionRecord,
    port: string,
    ref: ArtifactRef,
    fromSource: boolean,
  ): Artifact {
    const common = { port, mediaType: ref.mediaType, sha256: ref.sha256, size: ref.size, name: ref.name ?? "" };
    if (ref.inline !== undefined)
      return { ...common, path: "", content: { $case: "inline", value: Buffer.from(ref.inline, "base64") } };
    const grant: DataGrant = {
      tenant: job.tenant,
      job: job.id,
      stage: step.stage,
      lease: lease.id,
      epoch: lease.epoch,
      kind: fromSource ? "source" : "blob",
      sha256: ref.sha256,
      size: ref.size,
      n: 0,
    };
    const local = fromSource
      ? sourcePath(job.sourceUri)
      : this.#blobs.localPath({ tenant: job.tenant, sha256: ref.sha256, size: ref.size });
    const path = session.mountProven ? (local ?? "") : "";
    return {
      ...common,
      path,
      content: { $case: "url", value: `${this.#dataUrl()}${signGrant(grant, this.#config.signingKey)}` },
    };
  }
}

function estimatedBytes({ config, inputs }: LeaseMessage): number {
  return inputs.reduce(
    (sum, { content }) => sum + BYTES_PER_ARTIFACT + (content?.$case === "inline" ? content.value.byteLength : 0),
    BYTES_PER_LEASE + config.length,
  );
}
