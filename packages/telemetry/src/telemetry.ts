import type { DestinationStream } from "pino";
import { createLog, type Log } from "./log.ts";
import type { Metrics } from "./metrics.ts";
import { OtlpSink } from "./otlp-sink.ts";
import { Tracer } from "./tracer.ts";

export interface TelemetryOptions {
  /** Default: HEIMDEX_LOG_LEVEL, else `info`. */
  readonly logLevel?: string | undefined;
  /** Base URL of an OTLP/HTTP receiver; spans go to `/v1/traces` below it. Default: OTEL_EXPORTER_OTLP_ENDPOINT. Empty: spans are not exported. */
  readonly otlpEndpoint?: string | undefined;
  /** Where log lines go. Default: stderr. */
  readonly logTo?: DestinationStream;
  /** Default: none are kept. */
  readonly metrics?: Metrics;
}

/** A process's log and tracer. Disposing sends what is still held, for at most 3 s, and never rejects: a receiver that is away is a log line. */
export interface Telemetry extends AsyncDisposable {
  readonly log: Log;
  readonly tracer: Tracer;
  /** Absent where nobody reads them. */
  readonly metrics?: Metrics;
  /** Sends the spans held so far. */
  flush(): Promise<void>;
}

/** Starts logging and tracing for one service. The OpenTelemetry SDK is loaded only where spans are exported. */
export function startTelemetry(service: string, options: TelemetryOptions = {}): Telemetry {
  const log = createLog(service, options.logLevel ?? process.env.HEIMDEX_LOG_LEVEL, options.logTo);
  const endpoint = options.otlpEndpoint ?? process.env.OTEL_EXPORTER_OTLP_ENDPOINT ?? "";
  const sink = endpoint === "" ? undefined : new OtlpSink(service, endpoint, log);
  return {
    log,
    tracer: new Tracer(sink),
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    flush: async () => sink?.flush(),
    [Symbol.asyncDispose]: async () => sink?.close(),
  };
}
