import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { STAGE_MODELS_VARIABLE } from "@heimdex/models";
import { z } from "zod";
import { writeWhole } from "./data-folder.ts";

/** Model ids by stage. */
export type StageModels = Readonly<Record<string, string>>;

const settingsSchema = z.looseObject({
  /** Models that stages are set to; others use the bundled one. */
  stage_models: z.record(z.string().regex(/^[^,=\s]+$/), z.string().regex(/^[^,=\s]+$/)).default({}),
  /** What stages are configured to, by stage and setting; the rest has the stage's defaults. Checked against the stage's own schema when plans are made. */
  stage_config: z.record(z.string(), z.record(z.string(), z.json())).default({}),
  /** Which stage feeds an input that two put out: by `schema/major`. */
  producers: z.record(z.string().regex(/^[^/\s]+\/\d+$/), z.string()).default({}),
});
/** `settings.json` of a data directory. A host takes `stage_models` over while it runs, all else when it starts. Fields it does not know it keeps. */
export type Settings = z.infer<typeof settingsSchema>;

export const settingsFile = (root: string) => join(root, "settings.json");

/** The settings of a data directory; the defaults where there is no file. Throws CONFIG_INVALID when it cannot be read as such. */
export async function readSettings(root: string): Promise<Settings> {
  const path = settingsFile(root);
  const text = await readFile(path, "utf8").catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT" || reason.code === "ENOTDIR") return "{}";
    throw reason;
  });
  try {
    return settingsSchema.parse(JSON.parse(text));
  } catch (reason) {
    const issue = reason instanceof z.ZodError ? reason.issues[0] : undefined;
    const where = issue === undefined ? "" : `: ${issue.path.map(String).join(".") || "all of it"}: ${issue.message}`;
    throw new HeimdexError("CONFIG_INVALID", `${path} does not hold settings${where}`, {
      cause: reason,
      metadata: { data: root },
      help: 'Put it back from a copy, or write {"stage_models": {}} into it: then every stage uses its bundled model.',
    });
  }
}

/** Sets the stages' models and keeps all else; whole or not at all. */
export async function writeStageModels(root: string, models: StageModels): Promise<void> {
  const settings = { ...(await readSettings(root)), stage_models: models };
  await writeWhole(settingsFile(root), `${JSON.stringify(settings, undefined, 2)}\n`);
}

/** What stage services are told: the settings, and for stages they do not name what the environment says. */
export function stageModelsVariable(models: StageModels, env: NodeJS.ProcessEnv): string {
  const set = Object.entries(models).map(([stage, id]) => `${stage}=${id}`);
  const before = (env[STAGE_MODELS_VARIABLE] ?? "").split(",").filter((part) => {
    const stage = part.split("=")[0]?.trim() ?? "";
    return stage !== "" && !(stage in models);
  });
  return [...before, ...set].join(",");
}
