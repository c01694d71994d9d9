import { HeimdexError } from "@heimdex/errors";
import { MODELS } from "./manifest.ts";
import { type ModelEntry, PROFILES, type Profile } from "./manifest-schema.ts";

/** Environment variable that tells stage services which model each stage is set to: `embed.text=all-minilm-l6-v2,asr.transcribe=whisper-base`. The name of a
 * profile in it stands for the first choice that profile has for each stage not named: `standard,asr.transcribe=whisper-base`. */
export const STAGE_MODELS_VARIABLE = "HEIMDEX_STAGE_MODELS";

/** Id of the model a stage is to use: the one it is set to in HEIMDEX_STAGE_MODELS, else the first choice of the profile set there, else that of the bundled
 * profile, else undefined: the stage has no model.
 * Throws CONFIG_INVALID for a setting that is neither `STAGE=ID` nor a profile, or names a model that is no choice for the stage. */
export function chosenModel(
  stage: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
  models: readonly ModelEntry[] = MODELS,
): string | undefined {
  const { profile, byStage } = readStageModels(env[STAGE_MODELS_VARIABLE] ?? "");
  const set = byStage.get(stage);
  if (set === undefined) return profileChoice(profile, stage, models) ?? bundledChoice(stage, models);
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
  return profileChoice("bundled", stage, models);
}

/** The first choice that a profile has for a stage; undefined where it has none. */
export function profileChoice(
  profile: Profile,
  stage: string,
  models: readonly ModelEntry[] = MODELS,
): string | undefined {
  return choicesFor(stage, models).find(({ profiles }) => profiles.includes(profile))?.id;
}

function readStageModels(text: string): { readonly profile: Profile; readonly byStage: Map<string, string> } {
  const byStage = new Map<string, string>();
  let profile: Profile = "bundled";
  for (const part of text.split(",").map((each) => each.trim())) {
    if (part === "") continue;
    const named = PROFILES.find((name) => name === part);
    if (named !== undefined) {
      profile = named;
      continue;
    }
    const [stage = "", id = "", ...rest] = part.split("=").map((each) => each.trim());
    if (stage === "" || id === "" || rest.length > 0)
      throw new HeimdexError(
        "CONFIG_INVALID",
        `${STAGE_MODELS_VARIABLE} holds "${part}", which is neither STAGE=ID nor a profile`,
        {
          help: `Write it as embed.text=all-minilm-l6-v2,asr.transcribe=whisper-base, or name a profile: ${PROFILES.join(", ")}.`,
        },
      );
    byStage.set(stage, id);
  }
  return { profile, byStage };
}
