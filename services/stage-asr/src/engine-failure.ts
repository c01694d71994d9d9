import { EngineError, engineFailure } from "@heimdex/engine";
import { StageFailure } from "@heimdex/stage-sdk";

/** What went wrong in a recognizer's process, as the orchestrator is to know it.
 * @param model its id */
export function recognizerFailure(error: unknown, model: string): unknown {
  if (!(error instanceof EngineError)) return engineFailure(error);
  if (error.code === "MODEL_UNUSABLE") {
    return new StageFailure("TERMINAL", error.code, `The model ${model} cannot be used: ${error.message}`, {
      help: `Look at it with \`heimdex models verify ${model}\`, fetch it again with \`heimdex models pull ${model}\`.`,
      cause: error,
    });
  }
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
