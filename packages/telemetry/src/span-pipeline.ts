import { loadConfig, SECRET, secret } from "@heimdex/config";
import {
  type SpanContext as ApiSpanContext,
  type HrTime,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
} from "@opentelemetry/api";
import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, type ReadableSpan, type SpanExporter } from "@opentelemetry/sdk-trace-base";
import { z } from "zod";
import type { Log } from "./log.ts";
import type { FinishedSpan } from "./tracer.ts";

/** The OpenTelemetry half: finished spans in, batches out. */
export interface SpanPipeline {
  emit(span: FinishedSpan): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

/** Spans are handed to the SDK's batch processor as it takes them from its own tracer (ReadableSpan): a tracer would choose the ids itself, and ours
 * are chosen when a lease is given, by another process than the one that ends the span. */
export function openSpanPipeline(service: string, endpoint: string, log: Log, queueLength: number): SpanPipeline {
  const url = `${endpoint.replace(/\/+$/, "")}/v1/traces`;
  const exporter = new ReportingExporter(new OTLPTraceExporter({ url, headers: headers() }), url, log);
  const processor = new BatchSpanProcessor(exporter, { maxQueueSize: queueLength, scheduledDelayMillis: 1_000 });
  const resource = defaultResource()
    .merge(detectResources({ detectors: [envDetector] }))
    .merge(resourceFromAttributes({ "service.name": service, "process.pid": process.pid }));
  const instrumentationScope = { name: "heimdex" };
  return {
    emit(span) {
      const startTime = hrTime(span.startMs);
      const endTime = hrTime(Math.max(span.endMs, span.startMs));
      const context: ApiSpanContext = { traceId: span.traceId, spanId: span.spanId, traceFlags: TraceFlags.SAMPLED };
      const readable: ReadableSpan = {
        name: span.name,
        kind: SpanKind.INTERNAL,
        spanContext: () => context,
        ...(span.parentSpanId === undefined
          ? {}
          : { parentSpanContext: { ...context, spanId: span.parentSpanId, isRemote: true } }),
        startTime,
        endTime,
        duration: hrTime(Math.max(0, span.endMs - span.startMs)),
        status:
          span.error === undefined
            ? { code: SpanStatusCode.UNSET }
            : { code: SpanStatusCode.ERROR, message: span.error },
        attributes: { ...span.attributes },
        links: [],
        events: [],
        ended: true,
        resource,
        instrumentationScope,
        droppedAttributesCount: 0,
        droppedEventsCount: 0,
        droppedLinksCount: 0,
      };
      processor.onEnd(readable);
    },
    flush: () => processor.forceFlush(),
    close: () => processor.shutdown(),
  };
}

const settings = z.object({
  headers: secret()
    .meta({ ...SECRET, env: "OTEL_EXPORTER_OTLP_HEADERS" })
    .optional(),
});

/** Headers that the receiver asks for, such as a token, in OpenTelemetry's own form: `name=value,name=value`, values percent-encoded. */
function headers(): Record<string, string> {
  const text = loadConfig(settings, process.env).headers?.reveal() ?? "";
  const pairs = text.split(",").map((pair) => pair.split("="));
  return Object.fromEntries(
    pairs
      .filter(([name = ""]) => name.trim() !== "")
      .map(([name = "", ...value]) => [name.trim(), decodeURIComponent(value.join("=").trim())]),
  );
}

function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1000);
  return [seconds, Math.round((ms - seconds * 1000) * 1e6)];
}

/** Says once that the receiver is away, and once that it is back; the SDK itself would say so with every batch, and past our log. */
class ReportingExporter implements SpanExporter {
  readonly #exporter: SpanExporter;
  readonly #url: string;
  readonly #log: Log;
  #away = false;

  constructor(exporter: SpanExporter, url: string, log: Log) {
    this.#exporter = exporter;
    this.#url = url;
    this.#log = log;
  }

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.#exporter.export(spans, (result) => {
      const away = result.code !== ExportResultCode.SUCCESS;
      if (away && !this.#away) this.#log.warn({ url: this.#url, err: result.error }, "traces are lost: no receiver");
      if (!away && this.#away) this.#log.info({ url: this.#url }, "traces are exported again");
      this.#away = away;
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  shutdown(): Promise<void> {
    return this.#exporter.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.#exporter.forceFlush?.();
  }
}
