import { currentSpan, newSpanId, newTraceId, type SpanContext, withSpan } from "./span-context.ts";
import type { SpanRecorder } from "./span-recorder.ts";

export type AttributeValue = string | number | boolean;

/** A span that is over. Its ids may have been given to another process long before. */
export interface FinishedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Absent at the top of a trace. */
  readonly parentSpanId?: string | undefined;
  readonly name: string;
  /** Unix time in ms; fractions are kept. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** What went wrong; absent when nothing did. */
  readonly error?: string | undefined;
  /** False keeps it from being exported. Default true. */
  readonly sampled?: boolean;
}

/** Where finished spans go. */
export interface SpanSink {
  emit(span: FinishedSpan): void;
}

export interface SpanOptions {
  /** Default: the span the caller runs within; without one a new trace begins. */
  readonly parent?: SpanContext | undefined;
  readonly attributes?: Readonly<Record<string, AttributeValue>>;
  /** Also gets the span. */
  readonly recorder?: SpanRecorder;
}

/** Makes spans. Without an exporter they go to recorders only, and cost next to nothing. */
export class Tracer {
  readonly #sink: SpanSink | undefined;

  constructor(sink: SpanSink | undefined) {
    this.#sink = sink;
  }

  /** Whether spans reach anybody but recorders. */
  get isExporting(): boolean {
    return this.#sink !== undefined;
  }

  /** Emits a span after the fact, with the ids and times given. */
  emit(span: FinishedSpan): void {
    this.#sink?.emit(span);
  }

  /** Runs `work` within a new span, which ends with it and carries the error it threw. */
  async span<R>(name: string, options: SpanOptions, work: (context: SpanContext) => Promise<R>): Promise<R> {
    const parent = options.parent ?? currentSpan();
    const context: SpanContext = {
      traceId: parent?.traceId ?? newTraceId(),
      spanId: newSpanId(),
      sampled: parent?.sampled ?? true,
    };
    const startMs = nowMs();
    let error: string | undefined;
    try {
      return await withSpan(context, () => work(context));
    } catch (reason) {
      error = reason instanceof Error ? reason.message : String(reason);
      throw reason;
    } finally {
      const span: FinishedSpan = {
        ...context,
        parentSpanId: parent?.spanId,
        name,
        startMs,
        endMs: nowMs(),
        ...(options.attributes === undefined ? {} : { attributes: options.attributes }),
        error,
      };
      this.emit(span);
      options.recorder?.record(span);
    }
  }
}

/** Unix time that does not jump when the clock is set, with parts of a ms: spans of one process keep their order. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
