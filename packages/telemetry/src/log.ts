import { type DestinationStream, destination, type Logger, pino } from "pino";
import { currentSpan } from "./span-context.ts";

export type Log = Logger;

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"];

/** A log of JSON lines with `level` as a word, `time` as ISO 8601, `service`, and `trace_id` and `span_id` where a span is under way.
 * @param level a pino level; anything else counts as `info`
 * @param to default: stderr, written at once, so that the last words of a dying process are not lost */
export function createLog(service: string, level = "info", to?: DestinationStream): Log {
  return pino(
    {
      level: LEVELS.includes(level) ? level : "info",
      base: { service },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      mixin: () => {
        const span = currentSpan();
        return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
      },
    },
    to ?? destination({ dest: 2, sync: true }),
  );
}
