import { locateModel } from "@heimdex/models";
import type { StageModel } from "@heimdex/stage-sdk";
import type { TextModelFiles } from "./text-reader.ts";

/** Id in the model manifest. */
export const TEXT_MODEL = "pp-ocrv4";

export type LocatedTextModel =
  | { readonly available: true; readonly model: StageModel; readonly files: TextModelFiles }
  | { readonly available: false; readonly reason: string; readonly help: string };

/** PP-OCRv4 in this machine's model folder. */
export async function locateTextModel(): Promise<LocatedTextModel> {
  const located = await locateModel(TEXT_MODEL);
  if (!located.available) return located;
  const file = (name: string): string => {
    const path = located.files[name];
    if (path === undefined) throw new Error(`the manifest's ${TEXT_MODEL} has no file ${name}`);
    return path;
  };
  return {
    available: true,
    model: { id: located.id, sha256: located.sha256, licence: located.licence },
    files: {
      detector: file("det.onnx"),
      classifier: file("cls.onnx"),
      recognizer: file("rec.onnx"),
      dictionary: file("keys.txt"),
    },
  };
}
