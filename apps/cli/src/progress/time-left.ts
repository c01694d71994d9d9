import { type JobProgress, jobEnded } from "./job-progress.ts";

/** Time until all jobs are done: the work left, at the rate at which work was done so far (steps of several jobs run side by side). Jobs about which
 * nothing is known count as the average of the others. Undefined when nothing is known of any.
 * @param sinceMs when the first of them was seen
 * @param unplanned jobs that are not among them yet */
export function timeLeftMs(
  jobs: readonly JobProgress[],
  sinceMs: number,
  nowMs: number,
  unplanned = 0,
): number | undefined {
  const open = jobs.filter(({ job }) => !jobEnded(job));
  const left = open.map((job) => job.leftMs(nowMs));
  const known = left.filter((ms) => ms !== undefined);
  const done = jobs.reduce((sum, job) => sum + job.doneMs(nowMs), 0);
  const ended = jobs.length - open.length;
  // What a job takes as a whole, told by those that have ended or are planned.
  const samples = known.length + ended;
  if (samples === 0 || (known.length === 0 && done === 0)) return undefined;
  const whole = (done + known.reduce((sum, ms) => sum + ms, 0)) / samples;
  const work = known.reduce((sum, ms) => sum + ms, 0) + (left.length - known.length + unplanned) * whole;
  const rate = Math.max(1, done / Math.max(1, nowMs - sinceMs));
  return work / rate;
}
