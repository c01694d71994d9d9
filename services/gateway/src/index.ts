export { ACCESS } from "./access.ts";
export { type GatewayConfig, gatewayConfig } from "./config.ts";
export { type Gateway, startGateway } from "./gateway.ts";
export type { GatewayPorts } from "./ports.ts";
export type { GatewayTelemetry } from "./telemetry.ts";
