export { type FailureKind, StageFailure } from "./failure.ts";
export { bytes, layer, many, mediaFacts, optional, type Port, source } from "./port.ts";
export {
  type Capability,
  type InputArtifact,
  type InputsOf,
  type OutputBytes,
  type OutputsOf,
  type StageContext,
  type StageDefinition,
  type StageModel,
} from "./stage.ts";
