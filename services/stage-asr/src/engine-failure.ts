import { EngineError, modelFailure } from "@heimdex/engine";
import { StageFailure } from "@heimdex/stage-sdk";

/** What went wrong in a recognizer's process, as the orchestrator is to know it.
 * @param model its id */
export function recognizerFailure(error: unknown, model: string): unknown {
  if (!(error instanceof EngineError) || error.code === "MODEL_UNUSABLE") return modelFailure(model, error);
  if (error.code === "LANGUAGE_UNKNOWN") return languageUnsupported(model, error.message);
  return new StageFailure("RETRYABLE", "RECOGNIZER_FAILED", `Speech recognition failed: ${error.message}`, {
    help: `It is tried again. \`heimdex models verify ${model}\` looks at the model.`,
    cause: error,
  });
}

/** @param knows what it understands, as the end of a sentence */
export function languageUnsupported(model: string, knows: string): StageFailure {
  return new StageFailure("TERMINAL", "LANGUAGE_UNSUPPORTED", `${model} does not know that language: ${knows}.`, {
    help: "Set asr.transcribe's `language` to one it knows or to null, or use another model: `heimdex models ls`.",
  });
}
