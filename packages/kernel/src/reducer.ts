import { backoffMs, type RetryPolicy } from "./backoff.ts";
import { endState } from "./end-state.ts";
import type { Effect, JobEvent } from "./event.ts";
import {
  type ArtifactRef,
  type CacheEntry,
  type Ending,
  type Fence,
  isFinal,
  type Job,
  jobEnded,
  type Said,
  type Step,
} from "./job.ts";
import { NEIGHBOUR_SCHEMA } from "./manifest.ts";
import { stepKey } from "./step-key.ts";

export interface Reduced {
  readonly job: Job;
  readonly effects: readonly Effect[];
  /** False: the event came too late or twice, and nothing changed. */
  readonly applied: boolean;
}

export interface ReducerConfig {
  readonly retry: RetryPolicy;
  /** Goes into every step key; "" by default. */
  readonly salt: string;
}

/** The job after an event. Pure: `(job, event) -> (job', effects)`.
 * Invariants: R1 a final step never changes. R2 only the fence of the step's present lease writes. R3 a step's epoch only grows. R4 a job ends when,
 * and only when, all its steps are final. R5 whatever is SKIPPED, FAILED or CANCELLED has a reason. */
export function reduce(job: Job, event: JobEvent, config: ReducerConfig): Reduced {
  const unchanged: Reduced = { job, effects: [], applied: false };
  if (jobEnded(job.state)) {
    if (event.kind === "settled" && !job.settled) return settle(job, event);
    if (event.kind === "told" && job.toTellMs !== undefined) return told(job);
    return unchanged;
  }
  switch (event.kind) {
    case "planned": {
      if (job.state !== "QUEUED") return unchanged;
      const { asset, fingerprint, sourceSize, sourceModifiedMs, neighbours, steps } = event;
      const planned: Job = {
        ...job,
        asset,
        fingerprint,
        sourceSize,
        sourceModifiedMs,
        neighbours,
        steps,
        state: "RUNNING",
        ...(event.sourceTag === undefined ? {} : { sourceTag: event.sourceTag }),
        ...(event.plan === undefined ? {} : { plan: event.plan }),
        plannedAtMs: event.atMs,
      };
      return advance(planned, [], event.atMs, config);
    }
    case "unplannable":
      if (job.state !== "QUEUED") return unchanged;
      return ended({ ...job, state: "FAILED", reason: event.reason, help: event.help }, [], event.atMs);
    case "joined":
      if (job.state !== "QUEUED") return unchanged;
      return { job: { ...job, asset: event.asset, joined: event.other }, effects: [], applied: true };
    case "cancel":
      return cancel(job, event.atMs, config);
    case "settled":
    case "told":
      return unchanged;
  }
  const step = job.steps.find((candidate) => candidate.stage === event.stage);
  if (step === undefined || isFinal(step.state)) return unchanged;
  switch (event.kind) {
    case "looked-up": {
      if (step.state !== "WAITING" || step.key !== event.key) return unchanged;
      if (event.hit === undefined) {
        const ready: Step = {
          ...step,
          state: "READY",
          ...(event.cause === undefined ? {} : { cause: event.cause }),
          readyAtMs: event.atMs,
        };
        return advance(put(job, ready), [{ kind: "offer", stage: step.stage, notBeforeMs: 0 }], event.atMs, config);
      }
      return advance(
        withFacts(put(job, fromCache(step, event.hit, event.atMs)), event.hit.facts),
        [],
        event.atMs,
        config,
      );
    }
    case "leased": {
      if (step.state !== "READY" || step.notBeforeMs > event.atMs || event.lease.epoch !== step.epoch + 1)
        return unchanged;
      const { lease, worker, device } = event;
      const leased: Step = {
        ...step,
        state: "LEASED",
        lease,
        worker,
        device,
        epoch: lease.epoch,
        startedAtMs: event.atMs,
      };
      return { job: put(job, leased), effects: [], applied: true };
    }
    case "finished": {
      if (!holds(step, event.fence)) return unchanged;
      const { outputs, empty, partial, wallMs, cpuMs, facts, atMs } = event;
      const done: Step = {
        ...step,
        state: empty ? "EMPTY" : "OK",
        reason: "",
        help: "",
        logTail: "",
        outputs,
        partial,
        wallMs,
        cpuMs,
        lease: undefined,
        ending: endingOf(step, "COMPLETED"),
        endedAtMs: atMs,
      };
      const entry: CacheEntry = {
        tenant: job.tenant,
        stage: step.stage,
        asset: job.asset,
        job: job.id,
        outputs,
        empty,
        partial,
        facts,
        wallMs,
        cpuMs,
        worker: step.worker,
        device: step.device,
        endedAtMs: atMs,
      };
      return advance(withFacts(put(job, done), facts), [{ kind: "remember", key: step.key, entry }], atMs, config);
    }
    case "failed":
      if (!holds(step, event.fence)) return unchanged;
      return failed(
        job,
        { ...step, wallMs: event.wallMs, cpuMs: event.cpuMs, ending: endingOf(step, event.said) },
        event,
        config,
      );
    case "released": {
      if (!holds(step, event.fence)) return unchanged;
      const again: Step = {
        ...step,
        state: "READY",
        lease: undefined,
        ending: endingOf(step, event.said),
        readyAtMs: event.atMs,
        notBeforeMs: 0,
      };
      return { job: put(job, again), effects: [{ kind: "offer", stage: step.stage, notBeforeMs: 0 }], applied: true };
    }
    case "replanned": {
      if (step.state !== "READY" || event.step.state !== "WAITING" || !mayReplace(job, step, event.step))
        return unchanged;
      const { epoch, failures, lost, ending } = step;
      return advance(put(job, { ...event.step, epoch, failures, lost, ending }), [], event.atMs, config);
    }
    case "disabled": {
      if (event.keep && step.state === "LEASED") return unchanged;
      const skipped = {
        state: "SKIPPED",
        reason: event.keep ? LEFT_OUT : DISABLED,
        help: ENABLE,
        lease: undefined,
        endedAtMs: event.atMs,
      } as const;
      return advance(put(job, { ...step, ...skipped }), [], event.atMs, config);
    }
    case "lost": {
      if (!holds(step, event.fence)) return unchanged;
      const lost = step.lost + 1;
      if (lost >= config.retry.losses) {
        const reason = `LOST_REPEATEDLY: ${lost} workers that had it were not heard of again; the last was ${step.worker}`;
        const help = "Look at that worker's log: the asset may kill whatever touches it.";
        return advance(
          put(job, { ...step, state: "FAILED", lost, reason, help, lease: undefined, endedAtMs: event.atMs }),
          [],
          event.atMs,
          config,
        );
      }
      const again: Step = { ...step, state: "READY", lost, lease: undefined, readyAtMs: event.atMs, notBeforeMs: 0 };
      return { job: put(job, again), effects: [{ kind: "offer", stage: step.stage, notBeforeMs: 0 }], applied: true };
    }
  }
}

function holds(step: Step, fence: Fence): boolean {
  return step.state === "LEASED" && step.lease?.id === fence.lease && step.lease.epoch === fence.epoch;
}

/** Whether the job is whole with the other step in place of this one: it has what that waits for, and that puts out what others take. */
function mayReplace(job: Job, step: Step, next: Step): boolean {
  const others = job.steps.filter(({ stage }) => stage !== step.stage);
  if (!next.after.every((stage) => others.some((other) => other.stage === stage && !waitsFor(job, other, step.stage))))
    return false;
  const taken = others.flatMap(({ bindings }) => bindings.filter(({ from }) => from === step.stage));
  return taken.every(({ fromPort }) => {
    const [before, after] = [step, next].map(({ outputPorts }) => outputPorts.find(({ name }) => name === fromPort));
    return (
      before !== undefined &&
      after !== undefined &&
      before.mediaType === after.mediaType &&
      before.schema === after.schema &&
      before.major === after.major &&
      before.many === after.many
    );
  });
}

function waitsFor(job: Job, step: Step, stage: string): boolean {
  return step.after.some(
    (name) => name === stage || job.steps.some((other) => other.stage === name && waitsFor(job, other, stage)),
  );
}

/** What is kept of the end of the step's lease, to answer the same finish again. */
function endingOf({ lease, ending }: Step, said: Said | undefined): Ending | undefined {
  if (lease === undefined || said === undefined) return ending;
  return { lease: lease.id, epoch: lease.epoch, session: lease.session, said };
}

function put(job: Job, step: Step): Job {
  return { ...job, steps: job.steps.map((other) => (other.stage === step.stage ? step : other)) };
}

function withFacts(job: Job, facts: Job["facts"]): Job {
  return facts === undefined ? job : { ...job, facts };
}

/** Reason of a step whose stage a person turned off, and what to do about it. */
export const DISABLED = "DISABLED: the stage is turned off";
/** The same where what the stage made stays: its layers are kept, as those of any stage that could not run this time. */
export const LEFT_OUT = "LEFT_OUT: the stage is turned off, and what it made is kept";
export const ENABLE = "Turn it on again with `heimdex stages enable STAGE`, then `heimdex rerun`.";

/** Why a stage runs that was to run whatever is known. */
export const ASKED_FOR = "it was asked for, whatever is known";

/** Reason of a cached step whose result is that there is nothing. */
export const CACHED_EMPTY = "EMPTY: there was nothing to find";

function fromCache(step: Step, hit: CacheEntry, atMs: number): Step {
  const { outputs, partial, wallMs, cpuMs, worker, device } = hit;
  return {
    ...step,
    state: "CACHED",
    reason: hit.empty ? CACHED_EMPTY : "",
    outputs,
    partial,
    wallMs,
    cpuMs,
    worker,
    device,
    readyAtMs: atMs,
    endedAtMs: atMs,
  };
}

function failed(job: Job, step: Step, event: JobEvent & { kind: "failed" }, config: ReducerConfig): Reduced {
  const { failure, random, atMs } = event;
  const failures = step.failures + (event.isFree ? 0 : 1);
  const reason = `${failure.reason}: ${failure.message}`;
  const budget = step.attempts ?? (failure.kind === "RESOURCE" ? config.retry.resourceAttempts : config.retry.attempts);
  const retry = (failure.kind === "RETRYABLE" || failure.kind === "RESOURCE") && failures < budget;
  const common = { ...step, failures, reason, help: failure.help, logTail: failure.logTail, lease: undefined };
  if (!retry) return advance(put(job, { ...common, state: "FAILED", endedAtMs: atMs }), [], atMs, config);
  const notBeforeMs = atMs + (failure.retryAfterMs ?? backoffMs(config.retry, Math.max(1, failures), random));
  return {
    job: put(job, { ...common, state: "READY", readyAtMs: atMs, notBeforeMs }),
    effects: [{ kind: "offer", stage: step.stage, notBeforeMs }],
    applied: true,
  };
}

function cancel(job: Job, atMs: number, config: ReducerConfig): Reduced {
  const steps = job.steps.map(
    (step): Step =>
      isFinal(step.state)
        ? step
        : {
            ...step,
            state: "CANCELLED",
            reason: "CANCELLED: the job was cancelled",
            help: "",
            lease: undefined,
            endedAtMs: atMs,
          },
  );
  const cancelled: Job = { ...job, steps, cancelRequested: true };
  if (steps.length === 0)
    return ended(
      { ...cancelled, state: "CANCELLED", reason: "CANCELLED: the job was cancelled before it was planned" },
      [],
      atMs,
    );
  return advance(cancelled, [], atMs, config);
}

/** Moves every step that waits for nothing any more, and ends the job when all are final. */
function advance(job: Job, before: readonly Effect[], atMs: number, config: ReducerConfig): Reduced {
  const effects = [...before];
  let current = job;
  for (let moved = true; moved; ) {
    moved = false;
    for (const step of current.steps) {
      if (step.state !== "WAITING" || step.key !== "") continue;
      if (!step.after.every((stage) => current.steps.some((other) => other.stage === stage && isFinal(other.state))))
        continue;
      const skip = skipReason(current, step);
      if (skip !== "") {
        current = put(current, { ...step, state: "SKIPPED", reason: skip, endedAtMs: atMs });
        moved = true; // steps behind it may now be skipped too
        continue;
      }
      const key = stepKey(current.tenant, step, stepInputs(current, step), config.salt);
      if (step.again === true) {
        current = put(current, { ...step, key, state: "READY", cause: ASKED_FOR, readyAtMs: atMs });
        effects.push({ kind: "offer", stage: step.stage, notBeforeMs: 0 });
        continue;
      }
      current = put(current, { ...step, key });
      effects.push({ kind: "look-up", stage: step.stage, key });
    }
  }
  if (!current.steps.every((step) => isFinal(step.state))) return { job: current, effects, applied: true };
  const { state, reason, help } = endState(current);
  return ended({ ...current, state, reason, help }, effects, atMs);
}

function ended(job: Job, effects: readonly Effect[], atMs: number): Reduced {
  return { job: { ...job, endedAtMs: atMs }, effects: [...effects, { kind: "settle" }], applied: true };
}

function settle(job: Job, event: JobEvent & { kind: "settled" }): Reduced {
  const failure =
    event.reason === undefined ? {} : { state: "FAILED" as const, reason: event.reason, help: event.help ?? "" };
  const toTell = event.isToTell ? { toTellMs: event.atMs } : {};
  return {
    job: { ...job, ...failure, ...toTell, settled: true, sidecarRevision: event.sidecarRevision },
    effects: [],
    applied: true,
  };
}

function told({ toTellMs: _, ...job }: Job): Reduced {
  return { job, effects: [], applied: true };
}

const CONDITION_REASONS: Readonly<Record<string, string>> = {
  has_audio: "NO_AUDIO: the asset has no audio stream",
  has_video: "NO_VIDEO: the asset has no video stream",
  has_subtitles: "NO_SUBTITLES: the asset has no subtitle stream",
};

/** Why a step that waits for nothing does not apply; "" when it does. */
function skipReason(job: Job, step: Step): string {
  for (const binding of step.bindings) {
    if (binding.optional || binding.from === "") continue;
    const from = job.steps.find((other) => other.stage === binding.from);
    if (from?.state === "FAILED") return `UPSTREAM_FAILED: ${from.stage} failed (${from.reason})`;
    if (from?.state === "SKIPPED")
      return from.reason.startsWith("UPSTREAM_")
        ? from.reason
        : `UPSTREAM_SKIPPED: ${from.stage} was skipped (${from.reason})`;
  }
  for (const condition of step.conditions) {
    if (job.facts === undefined) return "UPSTREAM_FAILED: nothing is known about the asset's media";
    if (!job.facts[condition as "has_audio" | "has_video" | "has_subtitles"])
      return CONDITION_REASONS[condition] ?? `CONDITION: ${condition} does not hold`;
  }
  const inputs = stepInputs(job, step);
  for (const binding of step.bindings) {
    const many = job.steps
      .find((other) => other.stage === binding.from)
      ?.outputPorts.find((port) => port.name === binding.fromPort)?.many;
    if (!binding.optional && many !== true && !inputs.has(binding.port))
      return `INPUT_ABSENT: ${binding.from} put out no ${binding.fromPort}`;
  }
  if (inputs.size === 0 && step.bindings.length > 0 && step.bindings.every((binding) => binding.optional)) {
    return "INPUT_ABSENT: nothing that it takes was put out";
  }
  return "";
}

/** The artifacts a step reads, by its own port names; ports without artifacts are absent. */
export function stepInputs(job: Job, step: Step): Map<string, readonly ArtifactRef[]> {
  const inputs = new Map<string, readonly ArtifactRef[]>();
  for (const binding of step.bindings) {
    const artifacts =
      binding.from === ""
        ? builtIn(job, binding.fromPort)
        : job.steps
            .find((other) => other.stage === binding.from)
            ?.outputs.filter((output) => output.port === binding.fromPort);
    if (artifacts !== undefined && artifacts.length > 0) inputs.set(binding.port, artifacts);
  }
  return inputs;
}

function builtIn(job: Job, schema: string): readonly ArtifactRef[] {
  if (schema === NEIGHBOUR_SCHEMA) return job.neighbours;
  return [{ port: "source", mediaType: "application/octet-stream", sha256: job.fingerprint, size: job.sourceSize }];
}
