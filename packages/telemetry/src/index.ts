export { createLog, type Log } from "./log.ts";
export type { Histogram, Metrics } from "./metrics.ts";
export {
  currentSpan,
  formatTraceparent,
  newSpanId,
  newTraceId,
  parseTraceparent,
  type SpanContext,
  withSpan,
} from "./span-context.ts";
export { SpanRecorder } from "./span-recorder.ts";
export { startTelemetry, type Telemetry, type TelemetryOptions } from "./telemetry.ts";
export { type AttributeValue, type FinishedSpan, type SpanOptions, Tracer } from "./tracer.ts";
