import { HeimdexError } from "@heimdex/errors";
import { MODELS } from "./manifest.ts";
import type { ModelEntry } from "./manifest-schema.ts";

/** Environment variable that tells stage services which model each stage is set to: `embed.text=all-minilm-l6-v2,asr.transcribe=whisper-base`. */
export const STAGE_MODELS_VARIABLE = "HEIMDEX_STAGE_MODELS";

/** Id of the model a stage is to use: the one it is set to in HEIMDEX_STAGE_MODELS, else the first choice of the bundled profile
 * that lists the stage, else undefined: the stage has no model.
 * Throws CONFIG_INVALID for a setting that is not `STAGE=ID`, or names a model that is no choice for the stage. */
export function chosenModel(
  stage: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
  models: readonly ModelEntry[] = MODELS,
): string | undefined {
  const set = readStageModels(env[STAGE_MODELS_VARIABLE] ?? "").get(stage);
  if (set === undefined) return bundledChoice(stage, models);
  const choices = choicesFor(stage, models);
  if (choices.some(({ id }) => id === set)) return set;
  throw new HeimdexError("CONFIG_INVALID", `${STAGE_MODELS_VARIABLE} sets ${stage} to "${set}", which it cannot use`, {
    help: `Models for ${stage}: ${choices.map(({ id }) => id).join(", ") || "none"}. \`heimdex models use ${stage}=ID\` sets it.`,
  });
}

/** Models a stage can be set to, in the manifest's order. */
export function choicesFor(stage: string, models: readonly ModelEntry[] = MODELS): ModelEntry[] {
  return models.filter((entry) => entry.choice !== false && entry.stages.includes(stage));
}

/** What a stage uses where nothing is set. */
export function bundledChoice(stage: string, models: readonly ModelEntry[] = MODELS): string | undefined {
  return choicesFor(stage, models).find(({ profiles }) => profiles.includes("bundled"))?.id;
}

function readStageModels(text: string): Map<string, string> {
  const set = new Map<string, string>();
  for (const part of text.split(",").map((each) => each.trim())) {
    if (part === "") continue;
    const [stage = "", id = "", ...rest] = part.split("=").map((each) => each.trim());
    if (stage === "" || id === "" || rest.length > 0)
      throw new HeimdexError("CONFIG_INVALID", `${STAGE_MODELS_VARIABLE} holds "${part}", which is not STAGE=ID`, {
        help: "Write it as embed.text=all-minilm-l6-v2,asr.transcribe=whisper-base.",
      });
    set.set(stage, id);
  }
  return set;
}
