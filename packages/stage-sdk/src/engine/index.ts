/* A door of its own (`@heimdex/stage-sdk/engine`): the engine's process loads it, and needs neither gRPC nor all else. */
export { EngineError, EngineLost } from "./engine-error.ts";
export { engineFailure } from "./engine-failure.ts";
export { type EngineHandler, hostEngine } from "./engine-host.ts";
export { type Answer, type EngineOptions, EngineProcess } from "./engine-process.ts";
