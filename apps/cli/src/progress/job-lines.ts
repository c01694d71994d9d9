import type { Step } from "@heimdex/contracts/v1/job";
import { bar } from "../ui/bar.ts";
import type { Style } from "../ui/style.ts";
import { cut, cutStart, pad, padStart, printable, width } from "../ui/text.ts";
import { duration, timeLeft } from "../ui/time.ts";
import { type JobProgress, jobEnded, stepEnded } from "./job-progress.ts";

const BAR_CELLS = 24;

/** One job as lines of a live view: its name, then a bar for each stage. `compact` shows only stages that run. */
export function jobLines(
  progress: JobProgress,
  nowMs: number,
  columns: number,
  style: Style,
  compact: boolean,
): string[] {
  const { job, name } = progress;
  if (job.steps.length === 0)
    return [`${style.bold(cutStart(printable(name), columns - 20))}  ${style.dim("is being read")}`];
  const left = progress.leftMs(nowMs);
  const note = jobEnded(job) ? "becomes searchable" : left === undefined ? "" : `${timeLeft(left)} left`;
  const lines = [`${style.bold(cutStart(printable(name), columns - width(note) - 3))}  ${style.dim(note)}`];
  const names = Math.max(...job.steps.map(({ stage }) => stage.length));
  for (const step of job.steps) {
    if (compact && step.state !== "RUNNING" && step.state !== "NO_WORKER") continue;
    lines.push(`  ${pad(step.stage, names)}  ${stepText(step, progress, nowMs, columns - names - 5, style)}`);
  }
  return lines;
}

function stepText(step: Step, progress: JobProgress, nowMs: number, cells: number, style: Style): string {
  const barCells = Math.max(4, Math.min(BAR_CELLS, cells - 30));
  switch (step.state) {
    case "OK":
    case "EMPTY":
      return `${style.good(bar(1, barCells))} ${step.state}  ${style.dim(duration(step.wallMs))}`;
    case "CACHED":
      return `${style.dim(bar(1, barCells))} CACHED`;
    case "FAILED":
      return cut(`FAILED  ${printable(step.reason)}`, cells);
    case "SKIPPED":
    case "CANCELLED":
      return style.dim(cut(`${step.state}  ${printable(step.reason)}`, cells));
    case "RUNNING": {
      const left = progress.stepLeftMs(step, nowMs);
      const estimated = step.estimateMs > 0 ? Math.min(0.99, progress.elapsedMs(step, nowMs) / step.estimateMs) : 0;
      const share = step.progress > 0 ? step.progress : estimated;
      const percent = padStart(share > 0 ? `${Math.floor(share * 100)} %` : "", 5);
      const tail = [
        left === undefined ? `${duration(progress.elapsedMs(step, nowMs))} so far` : `${timeLeft(left)} left`,
        printable(step.message),
      ];
      return `${bar(share, barCells)} ${percent}  ${style.dim(cut(tail.filter(Boolean).join("  "), cells - barCells - 8))}`;
    }
    case "NO_WORKER":
      return style.warn(cut("waits: no worker of this stage is connected", cells));
    case "READY":
      return `${style.dim(bar(0, barCells))} ${style.dim(cut("waits for a free worker", cells - barCells - 1))}`;
    default:
      return `${style.dim(bar(0, barCells))} ${style.dim(cut("waits for other stages", cells - barCells - 1))}`;
  }
}

/** What changed between two states of a job, as plain lines. */
export function changeLines(before: ReadonlyMap<string, string>, progress: JobProgress): string[] {
  const lines: string[] = [];
  for (const step of progress.job.steps) {
    if (before.get(step.stage) === step.state) continue;
    const about = `${printable(progress.name)}: ${step.stage} ${step.state}`;
    if (step.state === "RUNNING") lines.push(`${about}${step.attempts > 1 ? ` (attempt ${step.attempts})` : ""}`);
    else if (step.state === "NO_WORKER") lines.push(`${about}: no worker of this stage is connected`);
    else if (stepEnded(step))
      lines.push(
        `${about}${step.state === "OK" || step.state === "EMPTY" ? ` ${duration(step.wallMs)}` : ""}${step.reason === "" ? "" : `: ${printable(step.reason)}`}`,
      );
  }
  return lines;
}
