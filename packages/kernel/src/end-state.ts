import type { Job, JobState, Step } from "./job.ts";
import { LAYER_SCHEMA_PREFIX } from "./manifest.ts";

/** How a job whose steps are all final ends, and why.
 * FAILED only when nothing usable came of it: no step put out a layer. */
export function endState(job: Job): { readonly state: JobState; readonly reason: string; readonly help: string } {
  if (job.cancelRequested) return { state: "CANCELLED", reason: "CANCELLED: the job was cancelled", help: "" };
  const failed = job.steps.filter((step) => step.state === "FAILED");
  const partial = job.steps.filter((step) => step.partial !== "");
  const first = failed[0];
  if (first !== undefined) {
    const others = failed.length > 1 ? ` (and ${failed.length - 1} more)` : "";
    return {
      state: job.steps.some(putOutLayer) ? "PARTIAL" : "FAILED",
      reason: `${first.reason} [${first.stage}]${others}`,
      help: first.help,
    };
  }
  if (partial[0] !== undefined)
    return {
      state: "PARTIAL",
      reason: `READ_IN_PART: ${partial[0].partial} [${partial[0].stage}]`,
      help: "Index a whole copy of the file.",
    };
  if (job.steps.length > 0 && !job.steps.some((step) => step.state !== "SKIPPED")) {
    return {
      state: "FAILED",
      reason: `${job.steps[0]?.reason ?? ""} [${job.steps[0]?.stage ?? ""}]`,
      help: job.steps[0]?.help ?? "",
    };
  }
  return { state: "SUCCEEDED", reason: "", help: "" };
}

function putOutLayer(step: Step): boolean {
  if (step.state !== "OK" && step.state !== "EMPTY" && step.state !== "CACHED") return false;
  return step.outputPorts.some(
    (port) =>
      (port.schema.startsWith(LAYER_SCHEMA_PREFIX) || port.layerSchema !== "") &&
      step.outputs.some((output) => output.port === port.name),
  );
}
