import { stat } from "node:fs/promises";
import type { Log } from "@heimdex/telemetry";
import { readSettings, type StageModels, settingsFile } from "./settings.ts";

/** How often the file is looked at, ms: the system's notices of changes do not reach network disks. */
const EVERY_MS = 500;

/** Tells when `settings.json` sets stages to other models. A file that cannot be read is logged and changes nothing.
 * @param before what holds now
 * @param onChange gets what holds from now on, and the stages it differs for */
export function watchStageModels(
  root: string,
  before: StageModels,
  log: Log,
  onChange: (models: StageModels, stages: ReadonlySet<string>) => void,
): Disposable {
  const path = settingsFile(root);
  let known = before;
  let seen = "unread";
  let looking = false;
  const look = async () => {
    // Each version is written to a file of its own, which then takes the name.
    const now = await stat(path).then(
      ({ ino, size, mtimeMs }) => `${ino} ${size} ${mtimeMs}`,
      () => "absent",
    );
    if (now === seen) return;
    seen = now;
    const { stage_models: models } = await readSettings(root);
    const stages = [...Object.keys(known), ...Object.keys(models)].filter((stage) => known[stage] !== models[stage]);
    known = models;
    if (stages.length === 0) return;
    log.info({ models }, "stages are set to other models");
    onChange(models, new Set(stages));
  };
  const timer = setInterval(async () => {
    if (looking) return;
    looking = true;
    try {
      await look();
    } catch (reason) {
      log.error({ err: reason }, "the settings cannot be read; what held before goes on");
    } finally {
      looking = false;
    }
  }, EVERY_MS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
