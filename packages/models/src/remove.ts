import { rm } from "node:fs/promises";
import { join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { type LocateOptions, locateModel } from "./locate.ts";
import { MODELS, modelEntry } from "./manifest.ts";
import { modelFolder } from "./model-folder.ts";
import { writeModelLock } from "./model-lock.ts";
import { takePullLock } from "./pull-lock.ts";

export interface RemovedModel {
  readonly id: string;
  /** ABSENT: there was nothing to remove. */
  readonly state: "REMOVED" | "ABSENT";
}

/** Removes a model's files, in all its versions, and forgets what was recorded of them: the next pull takes it as its source has it then.
 * Waits for a pull that is under way. Who has the files open goes on reading them.
 * Rejects with INVALID_ARGUMENT for an id the manifest does not have, and for a model of the system's packages. */
export async function removeModel(
  id: string,
  { folder = modelFolder(), models = MODELS, signal }: LocateOptions & { signal?: AbortSignal } = {},
): Promise<RemovedModel> {
  const entry = modelEntry(id, models);
  if (entry.source.kind === "system") {
    throw new HeimdexError("INVALID_ARGUMENT", `${id} belongs to the system's packages.`, {
      help: "Remove it with the system's package manager.",
    });
  }
  const { available } = await locateModel(id, { folder, models });
  using _lock = await takePullLock(folder, () => {}, signal);
  await rm(join(folder, id), { recursive: true, force: true });
  await writeModelLock(folder, id, undefined);
  return { id, state: available ? "REMOVED" : "ABSENT" };
}
