import type { Failed, Finish, FinishAnswer } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import type { Failure, Job, JobEvent, SessionRecord, SpanData, Step } from "@heimdex/kernel";
import type { Blobs } from "@heimdex/ports";
import type { Sources } from "@heimdex/sources";
import { newSpanId } from "@heimdex/telemetry";
import type { Dispatcher } from "./dispatcher.ts";
import { milliseconds } from "./duration.ts";
import { jobOfLease, knownHeldStep } from "./held-step.ts";
import { InteractiveLane } from "./interactive-lane.ts";
import type { InteractiveResponders } from "./interactive-responders.ts";
import type { JobStore } from "./job-store.ts";
import type { JobTrace } from "./job-trace.ts";
import type { LeaseTable } from "./lease-table.ts";
import { onOurClock } from "./on-our-clock.ts";
import { verifyOutputs } from "./outputs.ts";
import { isPassing } from "./passing.ts";
import { sourceFacts } from "./source-facts.ts";
import { isStoreAway } from "./store-away.ts";

const LONGEST_RETRY_AFTER_MS = 24 * 3_600_000;
/** Before a step is offered again that failed while the blob store was away. */
const STORE_AWAY_PAUSE_MS = 5_000;
/** Ids of what is wrong with the asset's own bytes. */
const SOURCE_FAULTS: readonly string[] = ["SOURCE_CHANGED", "SOURCE_NOT_FOUND", "SOURCE_UNREADABLE"];

export interface FinishParts {
  readonly store: JobStore;
  readonly dispatcher: Dispatcher;
  readonly responders: InteractiveResponders;
  readonly leases: LeaseTable;
  readonly blobs: Blobs;
  readonly sources: Sources;
  readonly trace: JobTrace;
}

/** Ends one lease as its worker says. Outputs are verified before anything counts; what is not as declared fails the attempt.
 * Throws what is no fault of the worker's (a full disk, a store that is away): the worker repeats the call. */
export async function finishLease(parts: FinishParts, session: SessionRecord, finish: Finish): Promise<FinishAnswer> {
  const { store, leases, trace } = parts;
  if (InteractiveLane.replicaOf(finish.lease) !== undefined)
    return (await parts.responders.finish(finish)) ? answer(finish, "ACCEPTED") : superseded(finish);
  const held = await knownHeldStep(store, session.id, finish);
  if (held === undefined) return notHeld(store, session, finish);
  const { job, step } = held;
  const startMs = step.lease?.grantedAtMs ?? 0;
  const { event, refusal } = await eventOf(parts, job, step, finish);
  const { applied } = await store.apply(job.id, event);
  if (!applied) return notHeld(store, session, finish);
  // One that another replica granted goes with its uploads, too.
  if (leases.get(finish.lease) === undefined) parts.dispatcher.watch(job, step, true);
  leases.remove(finish.lease);
  const error = event.kind === "failed" ? `${event.failure.reason}: ${event.failure.message}` : undefined;
  trace.own(job, {
    name: `attempt ${step.stage}`,
    spanId: step.lease?.spanId ?? newSpanId(),
    parentId: "",
    startMs,
    durationMs: Date.now() - startMs,
    attributes: {
      stage: step.stage,
      attempt: String(finish.epoch),
      worker: session.worker,
      outcome: refusal?.id ?? finish.outcome?.$case ?? "released",
    },
    ...(error === undefined ? {} : { error }),
  });
  const spans = readSpans(finish, session.worker, step.lease?.spanId ?? "");
  trace.worker(job, onOurClock(spans, startMs, Date.now()));
  if (refusal === undefined) return answer(finish, "ACCEPTED");
  return { lease: finish.lease, result: "REFUSED", reason: refusal.id, message: refusal.message };
}

type Ending = JobEvent & { readonly kind: "finished" | "failed" | "released" };

async function eventOf(
  parts: FinishParts,
  job: Job,
  step: Step,
  finish: Finish,
): Promise<{ readonly event: Ending; readonly refusal?: HeimdexError }> {
  const common = { stage: step.stage, fence: { lease: finish.lease, epoch: finish.epoch } };
  const cost = { wallMs: finish.wallMs, cpuMs: finish.cpuMs };
  const failed = (failure: Failure, said: "FAILED" | "REFUSED") =>
    ({ kind: "failed", atMs: Date.now(), ...common, ...cost, failure, random: Math.random(), said }) as const;
  if (finish.outcome?.$case === "failed") {
    const failure = readFailure(finish.outcome.value);
    const event = failed(failure, "FAILED");
    if (failure.kind !== "RETRYABLE" || !(await isStoreAway(parts.blobs))) return { event };
    const retryAfterMs = Math.max(STORE_AWAY_PAUSE_MS, failure.retryAfterMs ?? 0);
    return { event: { ...event, failure: { ...failure, retryAfterMs }, isFree: true } };
  }
  if (finish.outcome?.$case !== "completed")
    return { event: { kind: "released", atMs: Date.now(), ...common, said: "RELEASED" } };
  const { outputs, partialReason } = finish.outcome.value;
  const startMs = Date.now();
  try {
    await assertSourceUnchanged(parts.sources, job, step);
    const verified = await verifyOutputs(parts.blobs, job, step, finish.lease, outputs);
    parts.trace.own(job, {
      name: `commit ${step.stage}`,
      spanId: newSpanId(),
      parentId: step.lease?.spanId ?? "",
      startMs,
      durationMs: Date.now() - startMs,
      attributes: { stage: step.stage },
    });
    const partial = partialReason.slice(0, 1000);
    return { event: { kind: "finished", atMs: Date.now(), ...common, ...cost, ...verified, partial } };
  } catch (reason) {
    const refusal = HeimdexError.from(reason);
    if (isPassing(refusal)) throw reason;
    const kind = SOURCE_FAULTS.includes(refusal.id) ? "INPUT_REJECTED" : "RETRYABLE";
    const { id, message, help } = refusal;
    const failure = { kind, reason: id, message, help, retryAfterMs: undefined, logTail: "" } as const;
    return { event: failed(failure, "REFUSED"), refusal };
  }
}

/** A step that read the source read what the plan was made with, or its result does not count. */
async function assertSourceUnchanged(sources: Sources, job: Job, step: Step): Promise<void> {
  if (!step.bindings.some((binding) => binding.from === "")) return;
  await sources.assertUnchanged(job.tenant, job.sourceUri, sourceFacts(job));
}

/** The session holds the lease no longer. Only what it itself ended it with is answered as it was then: the first answer was lost. */
async function notHeld(store: JobStore, session: SessionRecord, finish: Finish): Promise<FinishAnswer> {
  const job = await jobOfLease(store, finish.lease);
  const step = job?.steps.find(({ ending }) => ending?.lease === finish.lease && ending.epoch === finish.epoch);
  if (step?.ending?.session !== session.id) return superseded(finish);
  const { said, epoch } = step.ending;
  // Once it is leased again, why it was refused may be known no longer.
  if (said === "REFUSED" && finish.outcome?.$case === "completed" && epoch === step.epoch) {
    const [reason = "", ...message] = step.reason.split(": ");
    return { lease: finish.lease, result: "REFUSED", reason, message: message.join(": ") };
  }
  return said === SAID[finish.outcome?.$case ?? "released"] ? answer(finish, "ACCEPTED") : superseded(finish);
}

const SAID = { completed: "COMPLETED", failed: "FAILED", released: "RELEASED" } as const;

function answer(finish: Finish, result: "ACCEPTED"): FinishAnswer {
  return { lease: finish.lease, result, reason: "", message: "" };
}

function superseded(finish: Finish): FinishAnswer {
  return {
    lease: finish.lease,
    result: "SUPERSEDED",
    reason: "LEASE_SUPERSEDED",
    message: `lease ${finish.lease} is no longer this session's`,
  };
}

function readFailure(failed: Failed): Failure {
  const kind =
    failed.kind === "TERMINAL" || failed.kind === "INPUT_REJECTED" || failed.kind === "RESOURCE"
      ? failed.kind
      : "RETRYABLE";
  return {
    kind,
    reason: /^[A-Z][A-Z0-9_]{0,63}$/.test(failed.reason) ? failed.reason : "STAGE_ERROR",
    message: failed.message.slice(0, 2000),
    help: failed.help.slice(0, 1000),
    retryAfterMs:
      failed.retryAfter === undefined
        ? undefined
        : Math.max(0, Math.min(LONGEST_RETRY_AFTER_MS, milliseconds(failed.retryAfter))),
    logTail: failed.logTail.slice(-4096),
  };
}

/** Spans as the contract bounds them: what goes beyond is cut, since a span must never stand in the way of a result. */
function readSpans(finish: Finish, worker: string, attempt: string): SpanData[] {
  return finish.spans
    .filter((span) => /^[0-9a-f]{16}$/.test(span.spanId))
    .map((span) => ({
      name: span.name.slice(0, 128),
      service: worker.split("@")[0] ?? worker,
      spanId: span.spanId,
      parentId: /^[0-9a-f]{16}$/.test(span.parentSpanId) ? span.parentSpanId : attempt,
      startMs: span.startTime?.getTime() ?? 0,
      durationMs: Math.max(0, milliseconds(span.duration)),
      attributes: Object.fromEntries(
        Object.entries(span.attributes)
          .slice(0, 16)
          .map(([key, value]) => [key.slice(0, 64), value.slice(0, 512)]),
      ),
      error: span.error,
    }));
}
