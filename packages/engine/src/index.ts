export {
  type Answer,
  EngineError,
  type EngineHandler,
  EngineLost,
  type EngineOptions,
  EngineProcess,
  engineFailure,
  hostEngine,
} from "@heimdex/stage-sdk/engine";
export { type GraphModel, type GraphModelFiles, openGraphModel } from "./graph-model.ts";
export { modelFailure, modelHelp } from "./model-failure.ts";
export { type OnnxModel, type OnnxOutput, openOnnxModel } from "./onnx-model.ts";
export { MAX_DECODED_SIDE, MAX_INPUT_PIXELS, type Picture, readPicture, restrictFormats } from "./picture.ts";
export { resized } from "./resize.ts";
export { sessionOptions } from "./session-options.ts";
