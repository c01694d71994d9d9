import { Job_State, type Job as JobMessage, Step_State, type Step as StepMessage } from "@heimdex/contracts/v1/job";
import type { AssetRecord, Job, Step } from "@heimdex/kernel";
import type { Document } from "@heimdex/ports";
import type { LiveSessions } from "./sessions.ts";

/** The public Job from its document. `asset` is the job's asset, where there is one. */
export function jobMessage(
  document: Document<Job>,
  asset: AssetRecord | undefined,
  sessions: LiveSessions,
): JobMessage {
  const job = document.body;
  return {
    job: job.id,
    asset: job.asset,
    sourceUri: job.sourceUri,
    state: Job_State[job.state],
    reason: job.reason,
    help: job.help,
    steps: job.steps.map((step) => stepMessage(step, sessions)),
    createTime: new Date(job.createdAtMs),
    endTime: job.endedAtMs === 0 ? undefined : new Date(job.endedAtMs),
    sidecarRevision: job.sidecarRevision,
    searchable: job.sidecarRevision > 0 && asset !== undefined && asset.indexedRevision >= job.sidecarRevision,
    traceId: job.traceId,
    durationMs: job.facts?.duration_ms ?? asset?.durationMs ?? 0,
    version: document.version,
    priority: job.priority,
  };
}

function stepMessage(step: Step, sessions: LiveSessions): StepMessage {
  const { progress, message } =
    step.lease === undefined ? { progress: 0, message: "" } : sessions.progress(step.lease.session, step.lease.id);
  return {
    stage: step.stage,
    state: stepState(step, sessions),
    reason: step.reason !== "" ? step.reason : limitation(step.partial),
    help: step.help,
    // The epoch counts leases ever granted, lost ones too.
    attempts: step.epoch,
    progress,
    message,
    wallMs: whole(step.wallMs),
    cpuMs: whole(step.cpuMs),
    estimateMs: whole(step.estimateMs),
    cause: step.cause ?? "",
  };
}

function stepState(step: Step, sessions: LiveSessions): Step_State {
  switch (step.state) {
    case "LEASED":
      return Step_State.RUNNING;
    case "READY":
      return sessions.workers(step.stage, step.version) > 0 ? Step_State.READY : Step_State.NO_WORKER;
    default:
      return Step_State[step.state];
  }
}

/** A result that is not whole says so in the form of every reason: id, colon, sentence. */
function limitation(partial: string): string {
  return partial === "" || /^[A-Z][A-Z0-9_]*: /.test(partial) ? partial : `PARTIAL: ${partial}`;
}

/** The contract's whole ms; stages may measure with a fraction. */
function whole(ms: number): number {
  return Math.min(0xffff_ffff, Math.max(0, Math.round(ms)));
}
