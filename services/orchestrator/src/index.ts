export { DEFAULT_ORCHESTRATOR_CONFIG, type OrchestratorConfig } from "./config.ts";
export { type Orchestrator, startOrchestrator } from "./orchestrator.ts";
export type { OrchestratorPorts } from "./ports.ts";
export { type ServiceConfig, serviceConfig } from "./service-config.ts";
