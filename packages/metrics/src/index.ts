export { callDurations } from "./call-durations.ts";
export { openMetrics } from "./open-metrics.ts";
