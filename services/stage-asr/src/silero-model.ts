import { locateModel } from "@heimdex/models";
import type { StageModel } from "@heimdex/stage-sdk";

export type SileroModel =
  | { readonly found: true; readonly path: string; readonly model: StageModel }
  | { readonly found: false; readonly reason: string; readonly help: string };

/** Looks for the voice detector in the model folder. */
export async function findSilero(): Promise<SileroModel> {
  const located = await locateModel("silero-vad");
  if (!located.available) return { found: false, reason: located.reason, help: located.help };
  const path = Object.values(located.files).find((file) => file.endsWith(".onnx"));
  if (path === undefined) throw new Error(`the model silero-vad in ${located.dir} lists no .onnx file`);
  return { found: true, path, model: { id: located.id, sha256: located.sha256, licence: located.licence } };
}
