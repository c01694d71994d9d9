import { StageFailure } from "../failure.ts";
import { EngineLost } from "./engine-error.ts";

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
