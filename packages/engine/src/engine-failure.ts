import { StageFailure } from "@heimdex/stage-sdk/failure";
import { EngineError, EngineLost } from "./engine-error.ts";

/** The end of an engine's process as what the orchestrator is to do about it: killed from outside is RESOURCE, all else RETRYABLE.
 * Errors of other kinds come back as they are. */
export function engineFailure(error: unknown): unknown {
  if (!(error instanceof EngineLost)) return error;
  const { how, logTail, message } = error;
  if (how === "KILLED") {
    return new StageFailure("RESOURCE", "ENGINE_KILLED", message, {
      help: "The system ended the process, mostly for want of memory: free some, or run fewer jobs at a time.",
      logTail,
      cause: error,
    });
  }
  return new StageFailure("RETRYABLE", how === "TIMEOUT" ? "ENGINE_TIMEOUT" : "ENGINE_CRASHED", message, {
    help: "It is tried again with a new process.",
    logTail,
    cause: error,
  });
}

/** What a person can do about a model whose files are not right. */
export const modelHelp = (id: string) =>
  `Run \`heimdex models verify ${id}\`, and \`heimdex models pull ${id}\` where it finds fault with a file.`;

/** The same for an engine that runs a model: one that it cannot use is TERMINAL MODEL_UNUSABLE.
 * @param id of the model */
export function modelFailure(id: string, error: unknown): unknown {
  if (!(error instanceof EngineError) || error.code !== "MODEL_UNUSABLE") return engineFailure(error);
  return new StageFailure("TERMINAL", "MODEL_UNUSABLE", `The model ${id} cannot be used: ${error.message}`, {
    help: modelHelp(id),
    cause: error,
  });
}
