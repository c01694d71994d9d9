import type { Lease as LeaseMessage } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import type { Job, JobEvent, Lease, SessionRecord, Step } from "@heimdex/kernel";
import { type Blobs, type Catalog, readAll } from "@heimdex/ports";
import type { Sources } from "@heimdex/sources";
import { newSpanId } from "@heimdex/telemetry";
import type { OrchestratorConfig } from "./config.ts";
import { acquiredTerm, jobSort } from "./job-document.ts";
import type { Claim, JobStore } from "./job-store.ts";
import type { JobTrace } from "./job-trace.ts";
import { leaseMessage, type MessageParts } from "./lease-message.ts";
import type { LeaseTable } from "./lease-table.ts";
import { isPassing } from "./passing.ts";
import { Poll } from "./poll.ts";
import { requirement } from "./requirement.ts";
import type { ReadyStep, Scheduler } from "./scheduler.ts";

/** How far the clocks of replicas may be apart without harm: an attempt that another replica began has so much longer. */
const CLOCK_MARGIN_MS = 10_000;
/** A step that could not be leased because of a fault of ours waits this long. */
const AGAIN_MS = 500;

/** Gives ready steps to sessions as leases: in the very write that makes them ready where a poll is parked, else from the queue. */
export class Dispatcher {
  readonly #catalog: Catalog;
  readonly #store: JobStore;
  readonly #scheduler: Scheduler;
  readonly #leases: LeaseTable;
  readonly #blobs: Blobs;
  readonly #trace: JobTrace;
  readonly #config: OrchestratorConfig;
  readonly #dataUrl: MessageParts["dataUrl"];
  readonly #sources: Sources;

  constructor(parts: {
    catalog: Catalog;
    store: JobStore;
    scheduler: Scheduler;
    leases: LeaseTable;
    blobs: Blobs;
    trace: JobTrace;
    config: OrchestratorConfig;
    dataUrl: MessageParts["dataUrl"];
    sources: Sources;
  }) {
    this.#catalog = parts.catalog;
    this.#store = parts.store;
    this.#scheduler = parts.scheduler;
    this.#leases = parts.leases;
    this.#blobs = parts.blobs;
    this.#trace = parts.trace;
    this.#config = parts.config;
    this.#dataUrl = parts.dataUrl;
    this.#sources = parts.sources;
  }

  /** Puts a ready step into the queue. Says what was put there. */
  offer(job: Job, step: Step): ReadyStep {
    const ready = readyStep(job, step);
    this.#scheduler.offer(ready);
    return ready;
  }

  /** The leases that an earlier request of the session brought, wherever it was made: its answer was lost, or is still on its way.
   * Only those of the time for which a request id brings the same. */
  async granted(session: SessionRecord, requestId: string): Promise<LeaseMessage[]> {
    const term = acquiredTerm(session.id, requestId);
    const sinceMs = Date.now() - this.#config.replayMs;
    const messages: LeaseMessage[] = [];
    for await (const { body: job } of readAll<Job>(this.#catalog, { collection: "jobs", term }))
      for (const step of job.steps)
        if (
          step.lease?.session === session.id &&
          step.lease.requestId === requestId &&
          step.lease.grantedAtMs > sinceMs
        )
          messages.push(await this.#message(job, step, step.lease, session));
    return messages;
  }

  /** Leases what the session may have of `slots`; waits until there is something or `waitMs` are over. Aborting gives nothing more. */
  async acquire(
    session: SessionRecord,
    offers: ReadonlyMap<string, string>,
    slots: ReadonlyMap<string, number>,
    requestId: string,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<LeaseMessage[]> {
    const poll = new Poll(
      { session, offers, slots, requestId },
      (taker, step) => void this.#grant(taker, step),
      (closed) => this.#scheduler.unpark(closed),
    );
    // Behind the scheduler's own turn: a poll that does not wait gets what is ready now.
    const timer = setTimeout(() => setImmediate(() => poll.close()), waitMs);
    const stop = () => poll.close();
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) poll.close();
    else this.#scheduler.park(poll);
    try {
      return await poll.answered;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    }
  }

  /** Takes a place for a step that becomes ready with the write to come. Undefined when no poll waits for it, older steps do, or it cannot be leased now:
   * then it is offered as any other. */
  async claim(job: Job, step: Step): Promise<Claim | undefined> {
    if (step.notBeforeMs > Date.now()) return undefined;
    const ready = readyStep(job, step);
    const poll = this.#scheduler.claim(ready);
    if (poll === undefined) return undefined;
    const drop = () => this.#ended(poll, ready, undefined);
    try {
      const lease = this.#newLease(job, step, poll);
      const message = await this.#message(job, step, lease, poll.session);
      if (poll.reserve(message)) {
        return {
          event: leased(step, lease, poll.session),
          written: (now) => {
            this.#leased(now, step, lease);
            this.#ended(poll, ready, message);
          },
          dropped: drop,
        };
      }
    } catch {
      // Offered as any other, it meets the fault again, and there it is told.
    }
    drop();
    return undefined;
  }

  async #grant(poll: Poll, ready: ReadyStep): Promise<void> {
    try {
      this.#ended(poll, ready, await this.#lease(poll, ready));
    } catch (reason) {
      this.#scheduler.offer({ ...ready, notBeforeMs: Date.now() + AGAIN_MS });
      this.#ended(poll, ready, undefined, reason);
    }
  }

  #ended(poll: Poll, ready: ReadyStep, lease: LeaseMessage | undefined, fault?: unknown): void {
    this.#scheduler.ended(poll, ready, lease !== undefined);
    poll.ended(lease, fault);
  }

  /** Leases a step, unless somebody was quicker or the answer is full: then it goes back into the queue. */
  async #lease(poll: Poll, ready: ReadyStep): Promise<LeaseMessage | undefined> {
    const before = await this.#store.get(ready.job);
    const step = before?.steps.find((candidate) => candidate.stage === ready.stage);
    if (before === undefined || step?.state !== "READY") return undefined;
    const lease = this.#newLease(before, step, poll);
    const message = await this.#message(before, step, lease, poll.session).catch(HeimdexError.from);
    if (message instanceof HeimdexError) {
      if (isPassing(message)) throw message;
    } else if (!poll.reserve(message)) {
      this.#scheduler.offer(ready);
      return undefined;
    }
    const { job, applied } = await this.#store.apply(before.id, leased(step, lease, poll.session));
    if (!applied) return undefined;
    if (message instanceof HeimdexError) {
      await this.#unreadable(job, step, lease, message);
      return undefined;
    }
    this.#leased(job, step, lease);
    return message;
  }

  #newLease({ id, steps }: Job, { stage, epoch }: Step, { session, requestId }: Poll): Lease {
    const nowMs = Date.now();
    const index = steps.findIndex((step) => step.stage === stage);
    return {
      id: `${id}-${index}-${epoch + 1}`,
      epoch: epoch + 1,
      session: session.id,
      requestId,
      grantedAtMs: nowMs,
      expiresAtMs: nowMs + this.#config.acceptWithinMs,
      spanId: newSpanId(),
    };
  }

  #message(job: Job, step: Step, lease: Lease, session: SessionRecord): Promise<LeaseMessage> {
    const parts = {
      blobs: this.#blobs,
      sources: this.#sources,
      signingKey: this.#config.signingKey,
      dataUrl: this.#dataUrl,
    };
    return leaseMessage(parts, job, step, lease, session);
  }

  /** A lease is written. */
  #leased(job: Job, step: Step, lease: Lease): void {
    this.watch(job, { ...step, lease });
    const readyAtMs = Math.max(step.readyAtMs, step.notBeforeMs);
    this.#trace.own(job, {
      name: `queue ${step.stage}`,
      spanId: newSpanId(),
      parentId: "",
      startMs: readyAtMs,
      durationMs: Math.max(0, lease.grantedAtMs - readyAtMs),
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
      expiresAtMs: found ? nowMs + this.#config.acceptWithinMs : lease.expiresAtMs,
      progressAtMs: found ? nowMs : lease.grantedAtMs,
      lastProgress: "",
      heard: undefined,
      uploads: found,
      suspect: step.lost > 0,
      stallMs: step.stallMs,
      deadlineMs: lease.grantedAtMs + step.attemptMs + (found ? CLOCK_MARGIN_MS : 0),
    });
  }
}

function readyStep(job: Job, step: Step): ReadyStep {
  return {
    job: job.id,
    tenant: job.tenant,
    stage: step.stage,
    requires: requirement(step.digest, step.models),
    sort: jobSort(job),
    notBeforeMs: step.notBeforeMs,
    suspect: step.lost > 0,
  };
}

function leased({ stage }: Step, lease: Lease, { worker, device }: SessionRecord): JobEvent & { kind: "leased" } {
  return { kind: "leased", atMs: lease.grantedAtMs, stage, lease, worker, device };
}
