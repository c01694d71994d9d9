import { modelFile, type PresentModel } from "../model-in-use.ts";
import type { TextModelFiles } from "./text-reader.ts";

/** Id in the model manifest. */
export const TEXT_MODEL = "pp-ocrv4";

/** PP-OCRv4's parts. @throws EngineError MODEL_UNUSABLE where one is not there */
export function textModelFiles({ id, files }: PresentModel): TextModelFiles {
  const file = (name: string) => modelFile(id, files, name);
  return {
    detector: file("det.onnx"),
    classifier: file("cls.onnx"),
    recognizer: file("rec.onnx"),
    dictionary: file("keys.txt"),
  };
}
