export { itemId } from "@heimdex/sidecar";
export { type CustomLayer, customLayer } from "./custom-layer.ts";
export { defineStage } from "./define-stage.ts";
export { type FailureKind, StageFailure } from "./failure.ts";
export { bytes, json, layer, many, mediaFacts, neighbours, optional, type Port, source } from "./port.ts";
export { type ServeOptions, serveStages } from "./serve-stages.ts";
export type {
  AnyStage,
  Capability,
  InputArtifact,
  InputsOf,
  OutputBytes,
  OutputsOf,
  StageContext,
  StageDefinition,
  StageModel,
} from "./stage.ts";
