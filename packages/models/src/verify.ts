import { rm } from "node:fs/promises";
import { join } from "node:path";
import { chooseModels } from "./choose.ts";
import { digestOf } from "./file-digest.ts";
import { type LocateOptions, locateModel } from "./locate.ts";
import { MODELS } from "./manifest.ts";
import { MARKER, modelFolder } from "./model-folder.ts";
import { expectedFiles, readModelLock } from "./model-lock.ts";

export interface VerifiedModel {
  readonly id: string;
  /** MISSING: never pulled, or not whole. */
  readonly state: "OK" | "MISSING" | "CORRUPT";
  readonly bad: readonly { readonly file: string; readonly problem: string }[];
}

/** Reads every byte of the models and compares it with the manifest and the lock file. One with a bad file loses its marker: stages
 * no longer start with it, and the next pull fetches it again. For a model of the system's packages nothing is recorded to compare
 * with: it is OK when its files can be read.
 * @param what ids or a profile; default all of the manifest */
export async function verifyModels(
  what?: string | readonly string[],
  options: LocateOptions & { signal?: AbortSignal } = {},
): Promise<VerifiedModel[]> {
  const { folder = modelFolder(), models = MODELS, signal } = options;
  const lock = await readModelLock(folder);
  const verified: VerifiedModel[] = [];
  for (const entry of what === undefined ? models : chooseModels(what, models)) {
    const located = await locateModel(entry.id, { folder, models });
    if (!located.available) {
      verified.push({ id: entry.id, state: "MISSING", bad: [{ file: join(folder, entry.id), problem: located.help }] });
      continue;
    }
    const bad = [];
    const expected = entry.source.kind === "system" ? {} : expectedFiles(entry, lock);
    for (const [name, want] of Object.entries(expected ?? {})) {
      const file = join(located.dir, name);
      const got = await digestOf(file, signal);
      if (got.sha256 !== want.sha256) bad.push({ file, problem: `SHA-256 is ${got.sha256}, not ${want.sha256}` });
    }
    if (bad.length > 0) await rm(join(located.dir, MARKER), { force: true });
    verified.push({ id: entry.id, state: bad.length === 0 ? "OK" : "CORRUPT", bad });
  }
  return verified;
}
