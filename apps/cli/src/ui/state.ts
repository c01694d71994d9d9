import type { Style } from "./style.ts";

/** The state of a job, a step or a stage in the colour that says how good it is. */
export function paintState(state: string, style: Style): string {
  switch (state) {
    case "SUCCEEDED":
    case "OK":
    case "ENABLED":
      return style.good(state);
    case "FAILED":
    case "PROBLEM":
      return style.bad(state);
    case "PARTIAL":
    case "CANCELLED":
    case "NO_WORKER":
    case "UNAVAILABLE":
    case "WARNING":
      return style.warn(state);
    case "SKIPPED":
    case "EMPTY":
    case "CACHED":
    case "RETIRED":
    case "DISABLED":
      return style.dim(state);
    default:
      return state;
  }
}
