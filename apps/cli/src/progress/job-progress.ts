import type { Job, Step } from "@heimdex/contracts/v1/job";

/** Below this share of work done, speed says too little: the estimate of earlier runs is better. */
const TELLING_SHARE = 0.03;
/** What is left of a step that has outlived its estimate, as a share of it. */
const OVERTIME_SHARE = 0.1;

/** How far one job is. Times come from the caller's clock, in ms. */
export class JobProgress {
  /** As it is shown. */
  readonly name: string;
  job: Job;
  /** When each running attempt was first seen: `stage/attempt`. */
  readonly #began = new Map<string, number>();

  constructor(name: string, job: Job, nowMs: number) {
    this.name = name;
    this.job = job;
    this.update(job, nowMs);
  }

  update(job: Job, nowMs: number): void {
    this.job = job;
    for (const step of job.steps) {
      const key = `${step.stage}/${step.attempts}`;
      if (step.state === "RUNNING" && !this.#began.has(key)) this.#began.set(key, nowMs);
    }
  }

  /** How long the attempt under way has been seen to run. */
  elapsedMs(step: Step, nowMs: number): number {
    return nowMs - (this.#began.get(`${step.stage}/${step.attempts}`) ?? nowMs);
  }

  /** Time a step still takes; undefined when nothing says how long. */
  stepLeftMs(step: Step, nowMs: number): number | undefined {
    if (stepEnded(step)) return 0;
    if (step.state !== "RUNNING") return step.estimateMs > 0 ? step.estimateMs : undefined;
    const elapsed = this.elapsedMs(step, nowMs);
    if (step.progress >= TELLING_SHARE && elapsed > 0) return (elapsed * (1 - step.progress)) / step.progress;
    if (step.estimateMs === 0) return undefined;
    return Math.max(step.estimateMs - elapsed, step.estimateMs * OVERTIME_SHARE);
  }

  /** Work left of the whole job, as if its steps ran one by one; undefined when nothing says how long one of them takes. */
  leftMs(nowMs: number): number | undefined {
    if (jobEnded(this.job)) return 0;
    if (this.job.steps.length === 0) return undefined;
    let sum = 0;
    for (const step of this.job.steps) {
      const left = this.stepLeftMs(step, nowMs);
      if (left === undefined) return undefined;
      sum += left;
    }
    return sum;
  }

  /** Work done by this job so far. */
  doneMs(nowMs: number): number {
    let sum = 0;
    for (const step of this.job.steps) {
      if (step.state === "OK" || step.state === "EMPTY" || step.state === "FAILED") sum += step.wallMs;
      else if (step.state === "RUNNING") sum += this.elapsedMs(step, nowMs);
    }
    return sum;
  }
}

export function jobEnded({ state }: Job): boolean {
  return state !== "QUEUED" && state !== "RUNNING" && state !== "STATE_UNSPECIFIED";
}

export function stepEnded({ state }: Step): boolean {
  return (
    state === "OK" ||
    state === "EMPTY" ||
    state === "CACHED" ||
    state === "SKIPPED" ||
    state === "FAILED" ||
    state === "CANCELLED"
  );
}
