/** What the gateway needs of telemetry: a structured log. `Telemetry` of @heimdex/telemetry has it. */
export interface GatewayTelemetry {
  readonly log: {
    debug(fields: object, message: string): void;
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
}
