import { setTimeout as wait } from "node:timers/promises";
import type { Log } from "./log.ts";
import type { SpanPipeline } from "./span-pipeline.ts";
import type { FinishedSpan, SpanSink } from "./tracer.ts";

/** Spans held while the SDK loads; the SDK's own queue is as long. */
const QUEUE_LENGTH = 16_384;
const CLOSE_TIMEOUT_MS = 3_000;

/** Exports spans by OTLP/HTTP. The SDK is loaded behind the caller's back: start-up does not wait for it. */
export class OtlpSink implements SpanSink {
  readonly #pipeline: Promise<SpanPipeline>;
  readonly #log: Log;
  #loaded: SpanPipeline | undefined;
  #early: FinishedSpan[] = [];

  constructor(service: string, endpoint: string, log: Log) {
    this.#log = log;
    this.#pipeline = import("./span-pipeline.ts").then(({ openSpanPipeline }) => {
      const pipeline = openSpanPipeline(service, endpoint, log, QUEUE_LENGTH);
      for (const span of this.#early) pipeline.emit(span);
      this.#early = [];
      this.#loaded = pipeline;
      return pipeline;
    });
    this.#pipeline.catch((error: unknown) => log.error({ err: error }, "traces are not exported"));
  }

  emit(span: FinishedSpan): void {
    if (span.sampled === false) return;
    if (this.#loaded !== undefined) this.#loaded.emit(span);
    else if (this.#early.length < QUEUE_LENGTH) this.#early.push(span);
  }

  async flush(): Promise<void> {
    await (await this.#pipeline).flush();
  }

  async close(): Promise<void> {
    const enough = new AbortController();
    const closed = this.#pipeline.then((pipeline) => pipeline.close());
    const late = wait(CLOSE_TIMEOUT_MS, undefined, { signal: enough.signal, ref: false }).then(() => {
      throw new Error(`not done within ${CLOSE_TIMEOUT_MS} ms`);
    });
    try {
      await Promise.race([closed, late]);
    } catch (error) {
      this.#log.warn({ err: error }, "the last spans could not be exported");
    } finally {
      enough.abort();
      late.catch(() => undefined); // the timer ends by its abort: nobody waits for it any more
    }
  }
}
