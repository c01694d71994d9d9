import { AsyncLocalStorage } from "node:async_hooks";
import { randomBytes } from "node:crypto";

/** Where in which trace something happens. */
export interface SpanContext {
  /** 32 lower-case hexadecimal digits. */
  readonly traceId: string;
  /** 16 lower-case hexadecimal digits. */
  readonly spanId: string;
  /** Whether the trace is exported. */
  readonly sampled: boolean;
}

/** A random trace id, never all zero. */
export function newTraceId(): string {
  return randomId(16);
}

/** A random span id, never all zero. */
export function newSpanId(): string {
  return randomId(8);
}

/** Random bytes not used yet: asking the system for each id alone costs more than all else about a span. */
let pool = Buffer.alloc(0);

function randomId(bytes: number): string {
  for (;;) {
    if (pool.length < bytes) pool = randomBytes(4096);
    const id = pool.toString("hex", 0, bytes);
    pool = pool.subarray(bytes);
    if (!/^0+$/.test(id)) return id;
  }
}

/** The context in a W3C `traceparent` (https://www.w3.org/TR/trace-context/#traceparent-header); undefined when there is none or it is malformed,
 * as that standard wants. Later versions are read as version 00. */
export function parseTraceparent(traceparent: string): SpanContext | undefined {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(traceparent);
  if (match === null) return undefined;
  const [, version, traceId = "", spanId = "", flags = "", rest] = match;
  if (version === "ff" || (version === "00" && rest !== undefined)) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** The context as a W3C `traceparent`. */
export function formatTraceparent(context: SpanContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? "01" : "00"}`;
}

const current = new AsyncLocalStorage<SpanContext>();

/** The span that the calling code runs within, if any. */
export function currentSpan(): SpanContext | undefined {
  return current.getStore();
}

/** Runs `work` within a span: its log lines carry the ids, and spans it starts become children. */
export function withSpan<R>(context: SpanContext, work: () => R): R {
  return current.run(context, work);
}
