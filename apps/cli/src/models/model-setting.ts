import { HeimdexError } from "@heimdex/errors";
import {
  bundledChoice,
  choicesFor,
  chosenModel,
  MODELS,
  type ModelEntry,
  modelEntry,
  PROFILES,
  profileChoice,
  STAGE_MODELS_VARIABLE,
} from "@heimdex/models";
import { type StageModels, stageModelsVariable } from "../host/settings.ts";

/** What a stage is to be set to. */
export interface ModelSetting {
  readonly stage: string;
  /** Model it has now; "" for none. */
  readonly from: string;
  /** Model it is to have; "" for none: no profile has one for it. */
  readonly to: string;
}

/** The settings that a profile's name, a model's id or `STAGE=ID` stands for, by stage. A profile stands for the first choice it has for each stage; stages
 * it has none for stay, but for `bundled`: that leaves them without a model, as they were at first.
 * @param now what the data directory sets
 * Throws INVALID_ARGUMENT, and CONFIG_INVALID when what is set now cannot be. */
export function modelSettings(
  what: string,
  now: StageModels,
  env: NodeJS.ProcessEnv,
  models: readonly ModelEntry[] = MODELS,
): ModelSetting[] {
  const current = { [STAGE_MODELS_VARIABLE]: stageModelsVariable(now, env) };
  const setting = (stage: string, to: string): ModelSetting => ({
    stage,
    from: chosenModel(stage, current, models) ?? "",
    to,
  });
  const stages = [...new Set(models.filter(({ choice }) => choice !== false).flatMap((entry) => entry.stages))].sort();
  if (what === "bundled") return stages.map((stage) => setting(stage, bundledChoice(stage, models) ?? ""));
  const profile = PROFILES.find((name) => name === what);
  if (profile !== undefined)
    return stages.flatMap((stage) => {
      const choice = profileChoice(profile, stage, models);
      return choice === undefined ? [] : [setting(stage, choice)];
    });
  const [first = "", second] = what.split("=");
  const id = second ?? first;
  const entry = known(id, models);
  const named = second === undefined ? entry.stages : [first];
  if (entry.choice === false)
    throw new HeimdexError(
      "INVALID_ARGUMENT",
      `${id} is no choice: ${entry.stages.join(", ")} uses it whatever it is set to.`,
    );
  for (const stage of named) {
    if (entry.stages.includes(stage)) continue;
    const choices = choicesFor(stage, models).map((choice) => choice.id);
    throw new HeimdexError("INVALID_ARGUMENT", `${stage} cannot use ${id}.`, {
      help:
        choices.length === 0
          ? `Stages that can be set: ${stages.join(", ")}.`
          : `It can be set to: ${choices.join(", ")}.`,
    });
  }
  return named.map((stage) => setting(stage, id));
}

function known(id: string, models: readonly ModelEntry[]): ModelEntry {
  try {
    return modelEntry(id, models);
  } catch (reason) {
    const { message, help } = HeimdexError.from(reason);
    throw new HeimdexError("INVALID_ARGUMENT", message, { help: `${help} Profiles: ${PROFILES.join(", ")}.` });
  }
}

/** Stages of a data directory that use the model, by setting or because it is the bundled one. */
export function stagesUsing(
  id: string,
  now: StageModels,
  env: NodeJS.ProcessEnv,
  models: readonly ModelEntry[] = MODELS,
): string[] {
  const current = { [STAGE_MODELS_VARIABLE]: stageModelsVariable(now, env) };
  return modelEntry(id, models).stages.filter((stage) => chosenModel(stage, current, models) === id);
}
