import { rm } from "node:fs/promises";
import { join } from "node:path";
import { chooseModels } from "./choose.ts";
import { type LocateOptions, locateModel } from "./locate.ts";
import { MODELS } from "./manifest.ts";
import { MARKER, modelDirectory, modelFolder } from "./model-folder.ts";
import { digestOf } from "./unpack.ts";

export interface VerifiedModel {
  readonly id: string;
  /** MISSING: never pulled, or not whole. */
  readonly state: "OK" | "MISSING" | "CORRUPT";
  readonly bad: readonly { readonly file: string; readonly problem: string }[];
}

/** Reads every byte of the models and compares it with the manifest. One with a bad file loses its marker: stages no longer
 * start with it, and the next pull fetches it again.
 * @param what ids or a profile; default all of the manifest */
export async function verifyModels(
  what?: string | readonly string[],
  options: LocateOptions & { signal?: AbortSignal } = {},
): Promise<VerifiedModel[]> {
  const { folder = modelFolder(), models = MODELS, signal } = options;
  const verified: VerifiedModel[] = [];
  for (const entry of what === undefined ? models : chooseModels(what, models)) {
    const dir = modelDirectory(folder, entry);
    const located = await locateModel(entry.id, { folder, models });
    if (!located.available) {
      verified.push({ id: entry.id, state: "MISSING", bad: [{ file: dir, problem: located.help }] });
      continue;
    }
    const bad = [];
    for (const [name, want] of Object.entries(entry.files)) {
      const got = await digestOf(join(dir, name), signal);
      if (got.sha256 !== want.sha256) {
        bad.push({ file: join(dir, name), problem: `SHA-256 is ${got.sha256}, not ${want.sha256}` });
      }
    }
    if (bad.length > 0) await rm(join(dir, MARKER), { force: true });
    verified.push({ id: entry.id, state: bad.length === 0 ? "OK" : "CORRUPT", bad });
  }
  return verified;
}
