import { EngineError, engineFailure } from "@heimdex/engine";
import { StageFailure } from "@heimdex/stage-sdk";

/** What a person can do about a model whose files are not right. */
export const modelHelp = (id: string) =>
  `Run \`heimdex models verify\`, and \`heimdex models pull ${id}\` if it finds fault with a file.`;

/** What went wrong in an engine process, as the orchestrator is to know it: a model that cannot be used is TERMINAL MODEL_UNUSABLE. */
export function modelFailure(id: string, error: unknown): unknown {
  if (!(error instanceof EngineError) || error.code !== "MODEL_UNUSABLE") return engineFailure(error);
  return new StageFailure("TERMINAL", "MODEL_UNUSABLE", `The model ${id} cannot be used: ${error.message}`, {
    help: modelHelp(id),
    cause: error,
  });
}
