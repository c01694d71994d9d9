import { EngineProcess } from "@heimdex/engine";
import { chosenModel, type LocatedModel, locateModel, modelEntry } from "@heimdex/models";
import type { StageModel } from "@heimdex/stage-sdk";
import { PocketSphinx } from "./pocketsphinx.ts";
import { findPocketSphinx } from "./pocketsphinx-install.ts";
import type { RecognizedWord, Recognizer } from "./recognizer.ts";
import { Sherpa } from "./sherpa/sherpa.ts";
import type { SherpaInit, SherpaRequest } from "./sherpa/sherpa-engine.ts";
import type { Decoding } from "./whisper/decoding.ts";
import { Whisper } from "./whisper/whisper.ts";
import type { WhisperInit, WhisperRequest } from "./whisper/whisper-engine.ts";

export type OpenedRecognizer =
  | { readonly available: true; readonly recognizer: Recognizer }
  | { readonly available: false; readonly reason: string; readonly help: string };

/** Longest for one window of 30 s: many times real time, as a large model on a busy machine takes. */
const TIMEOUT_MS = 10 * 60_000;
/** The model stays loaded between films. */
const IDLE_MS = 5 * 60_000;

/** The engine of the model that `asr.transcribe` is set to, and no other: where that model is not there, there is none.
 * @param threads side by side within this engine */
export async function openRecognizer(
  threads: number,
  chosen = chosenModel("asr.transcribe"),
  locate: (id: string) => Promise<LocatedModel> = locateModel,
): Promise<OpenedRecognizer> {
  if (chosen === undefined) {
    return { available: false, reason: "NO_MODEL", help: "No model is set: `heimdex models use asr.transcribe=ID`." };
  }
  const { runtime } = modelEntry(chosen);
  if (runtime === "pocketsphinx") {
    const sphinx = await findPocketSphinx();
    if (!sphinx.found) return { available: false, reason: sphinx.reason, help: sphinx.help };
    return { available: true, recognizer: new PocketSphinx(sphinx.install, threads) };
  }
  const located = await locate(chosen);
  if (!located.available) return located;
  const { id, sha256, licence, dir } = located;
  const model: StageModel = { id, sha256, licence };
  const options = { timeoutMs: TIMEOUT_MS, idleMs: IDLE_MS };
  if (runtime === "transformers.js") {
    const entry = new URL("./whisper/whisper-engine.ts", import.meta.url);
    const engine = new EngineProcess<WhisperInit, WhisperRequest, Decoding>(entry, { folder: dir, threads }, options);
    return { available: true, recognizer: new Whisper(model, engine) };
  }
  if (runtime === "sherpa-onnx") {
    const entry = new URL("./sherpa/sherpa-engine.ts", import.meta.url);
    const init = { ...transducerFiles(Object.values(located.files)), threads };
    const engine = new EngineProcess<SherpaInit, SherpaRequest, RecognizedWord[]>(entry, init, options);
    return { available: true, recognizer: new Sherpa(model, engine) };
  }
  throw new Error(`the model ${id} runs on ${runtime}, which asr.transcribe has no engine for`);
}

/** By the names that sherpa-onnx's models have: `encoder.int8.onnx`, `encoder-epoch-99-avg-1.onnx`. */
function transducerFiles(files: readonly string[]): Omit<SherpaInit, "threads"> {
  const named = (part: RegExp) => files.find((file) => part.test(file)) ?? "";
  return {
    encoder: named(/encoder[^/]*\.onnx$/),
    decoder: named(/decoder[^/]*\.onnx$/),
    joiner: named(/joiner[^/]*\.onnx$/),
    tokens: named(/tokens\.txt$/),
  };
}
