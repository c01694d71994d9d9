import type { Artifact, Lease as LeaseMessage } from "@heimdex/contracts/stage/v1/work_service";
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
import { requirement } from "./requirement.ts";
import type { ReadyStep, Scheduler } from "./scheduler.ts";
import { type DataGrant, signGrant } from "./signed-url.ts";
import { sourcePath } from "./source.ts";

/** Largest answer to a poll, bytes by estimate: gRPC's wall is at 4 MiB. */
const MAX_ANSWER_BYTES = 3_000_000;
const BYTES_PER_ARTIFACT = 700;

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
      const granted = await Promise.all(steps.map((step) => this.#grant(session, step, requestId))).finally(() =>
        this.#scheduler.handed(steps.length),
      );
      const leases = granted.filter((lease) => lease !== undefined);
      if (leases.length > 0) return this.#fit(leases);
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
      const timer = setTimeout(() => done([]), waitMs);
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

  async #grant(session: SessionRecord, ready: ReadyStep, requestId: string): Promise<LeaseMessage | undefined> {
    const before = await this.#store.get(ready.job);
    const index = before?.steps.findIndex((step) => step.stage === ready.stage) ?? -1;
    const step = before?.steps[index];
    if (step?.state !== "READY") return undefined;
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
    const { job, applied } = await this.#store.apply(ready.job, {
      kind: "leased",
      atMs: nowMs,
      stage: ready.stage,
      lease,
      worker: session.worker,
      device: session.device,
    });
    if (!applied) return undefined;
    this.watch(job, { ...step, lease });
    const readyAtMs = Math.max(step.readyAtMs, step.notBeforeMs);
    this.#trace.own(job, {
      name: `queue ${step.stage}`,
      spanId: newSpanId(),
      parentId: "",
      startMs: readyAtMs,
      durationMs: Math.max(0, nowMs - readyAtMs),
      attributes: { stage: step.stage },
    });
    return this.#message(job, step, lease, session);
  }

  /** Watches a lease's clocks. */
  watch(job: Job, step: Step): void {
    const lease = step.lease;
    if (lease === undefined) return;
    this.#leases.add({
      job: job.id,
      stage: step.stage,
      tenant: job.tenant,
      session: lease.session,
      fence: { lease: lease.id, epoch: lease.epoch },
      expiresAtMs: lease.expiresAtMs,
      progressAtMs: lease.grantedAtMs,
      lastProgress: "",
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
      sourceName: decodeURIComponent(job.sourceUri.split("/").at(-1) ?? ""),
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

  /** Keeps an answer below gRPC's message limit: what does not fit stays pending, is not heard of, and is leased again. */
  #fit(leases: readonly LeaseMessage[]): LeaseMessage[] {
    let bytes = 0;
    return leases.filter((lease, index) => {
      bytes +=
        lease.config.length +
        lease.inputs.reduce(
          (sum, input) =>
            sum + BYTES_PER_ARTIFACT + (input.content?.$case === "inline" ? input.content.value.byteLength : 0),
          500,
        );
      return index === 0 || bytes <= MAX_ANSWER_BYTES;
    });
  }
}
