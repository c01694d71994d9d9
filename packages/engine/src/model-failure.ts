import { EngineError, engineFailure } from "@heimdex/stage-sdk/engine";
import { StageFailure } from "@heimdex/stage-sdk/failure";

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
