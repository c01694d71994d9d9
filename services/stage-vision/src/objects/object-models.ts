import { modelFile } from "../model-in-use.ts";
import { openCenterNet } from "./centernet.ts";
import { openDFine } from "./d-fine.ts";
import type { ObjectModel } from "./object-engine.ts";

/** Loads a model of the manifest.
 * @param files by the manifest's names
 * @param threads of one inference, where the runtime has any
 * @throws EngineError MODEL_UNUSABLE */
export async function openObjectModel(
  model: string,
  files: Readonly<Record<string, string>>,
  threads: number,
): Promise<ObjectModel> {
  const file = (name: string) => modelFile(model, files, name);
  if (model === "d-fine-s") return openDFine(file("onnx/model.onnx"), threads);
  return openCenterNet({ graph: file("centernet.json"), weights: file("centernet.bin") });
}
