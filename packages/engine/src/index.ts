export { EngineError, EngineLost } from "./engine-error.ts";
export { engineFailure, modelFailure, modelHelp } from "./engine-failure.ts";
export { type EngineHandler, hostEngine } from "./engine-host.ts";
export { type Answer, type EngineOptions, EngineProcess } from "./engine-process.ts";
export { type GraphModel, type GraphModelFiles, openGraphModel } from "./graph-model.ts";
export { type OnnxModel, type OnnxOutput, openOnnxModel } from "./onnx-model.ts";
export { MAX_DECODED_SIDE, MAX_INPUT_PIXELS, type Picture, readPicture, restrictFormats } from "./picture.ts";
export { resized } from "./resize.ts";
export { sessionOptions } from "./session-options.ts";
