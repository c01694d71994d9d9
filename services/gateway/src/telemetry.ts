import type { Metrics, Tracer } from "@heimdex/telemetry";

/** What the gateway needs of telemetry: a structured log; figures and traces where somebody reads them. `Telemetry` of @heimdex/telemetry has it. */
export interface GatewayTelemetry {
  readonly log: {
    debug(fields: object, message: string): void;
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  readonly metrics?: Metrics;
  readonly tracer?: Tracer;
}
