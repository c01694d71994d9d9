import type { Job, Step } from "@heimdex/contracts/v1/job";
import { sourcePath } from "./source-uri.ts";

/** How a stage of an ended job stands, in the words scripts rely on. */
export type StageState = "OK" | "EMPTY" | "CACHED" | "SKIPPED" | "FAILED";
export type AssetState = "SUCCEEDED" | "PARTIAL" | "FAILED" | "CANCELLED";

export interface StageOutcome {
  readonly stage: string;
  readonly state: StageState;
  /** "" when all is well; else a stable id, a colon, a sentence. */
  readonly reason: string;
  readonly wall_ms: number;
  readonly cpu_ms: number;
  /** Why it ran although the asset was worked on before: what has changed since; "" where it did not run. */
  readonly cause: string;
}

/** One entry of `index --json`. */
export interface AssetOutcome {
  /** "" when the file could not be read. */
  readonly asset: string;
  /** Path of the file. */
  readonly source: string;
  /** "" when none was made. */
  readonly job: string;
  readonly state: AssetState;
  readonly reason: string;
  readonly duration_ms: number;
  /** From the job's creation to its end. */
  readonly wall_ms: number;
  readonly stages: readonly StageOutcome[];
}

/** What became of an ended job. */
export function outcomeOf(job: Job): AssetOutcome {
  return {
    asset: job.asset,
    source: sourcePath(job.sourceUri),
    job: job.job,
    state: assetState(job),
    reason: job.reason,
    duration_ms: job.durationMs,
    wall_ms:
      job.createTime === undefined || job.endTime === undefined ? 0 : job.endTime.getTime() - job.createTime.getTime(),
    stages: job.steps.map(stageOutcome),
  };
}

function assetState({ state, job }: Job): AssetState {
  if (state === "SUCCEEDED" || state === "PARTIAL" || state === "FAILED" || state === "CANCELLED") return state;
  throw new Error(`job ${job} has not ended: ${state}`);
}

function stageOutcome(step: Step): StageOutcome {
  const { stage, state, reason, wallMs, cpuMs } = step;
  const times = { wall_ms: wallMs, cpu_ms: cpuMs, cause: step.cause };
  switch (state) {
    case "OK":
    case "EMPTY":
    case "CACHED":
    case "SKIPPED":
    case "FAILED":
      return { stage, state, reason, ...times };
    default:
      // Cancelled, or never begun as the job ended before: it did not run, and the reason says why.
      return {
        stage,
        state: "SKIPPED",
        reason: reason.startsWith("CANCELLED") ? reason : "CANCELLED: the job was cancelled before this stage ended",
        ...times,
      };
  }
}

/** Did anything go wrong that a person should look at? A partial result counts. */
export function isWell(state: AssetState): boolean {
  return state === "SUCCEEDED";
}
