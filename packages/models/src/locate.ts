import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { MODELS, modelEntry } from "./manifest.ts";
import type { ModelEntry } from "./manifest-schema.ts";
import { MARKER, modelDigest, modelDirectory, modelFolder } from "./model-folder.ts";
import { expectedFiles, readModelLock } from "./model-lock.ts";
import { locateSystemModel } from "./system-model.ts";

export interface LocateOptions {
  /** Default `modelFolder()`. */
  readonly folder?: string;
  /** Default `MODELS`. */
  readonly models?: readonly ModelEntry[];
  /** Where variables that name a folder of the system's packages are read. Default `process.env`. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export type LocatedModel =
  | {
      readonly available: true;
      readonly id: string;
      readonly dir: string;
      /** Absolute paths by the names the manifest gives them, such as `det.onnx`; optional ones that are not there are left out. */
      readonly files: Readonly<Record<string, string>>;
      /** Digest over the entry's file digests, for `StageModel`. */
      readonly sha256: string;
      /** SPDX expression. */
      readonly licence: string;
    }
  | { readonly available: false; readonly reason: "NO_MODEL"; readonly help: string };

/** Is the model there? Looks at the marker a pull leaves after checking every digest, and at the sizes; reads no weights, so it
 * costs about a millisecond at each start of a stage (a model of the system's packages, which nothing has checked before, is read
 * whole). `verifyModels` looks at every byte.
 * Rejects with INVALID_ARGUMENT for an id the manifest does not have, CONFIG_INVALID for a lock file that cannot be read. */
export async function locateModel(id: string, options: LocateOptions = {}): Promise<LocatedModel> {
  const { folder = modelFolder(), models = MODELS } = options;
  const entry = modelEntry(id, models);
  if (entry.source.kind === "system") return locateSystemModel(entry, entry.source, options.env);
  const missing = (what: string): LocatedModel => ({
    available: false,
    reason: "NO_MODEL",
    help: `${what}. Fetch it: \`heimdex models pull ${id}\`.`,
  });
  const expected = expectedFiles(entry, await readModelLock(folder));
  if (expected === undefined) return missing(`The model ${id} is not in ${folder}`);
  const sha256 = modelDigest(id, expected);
  const dir = modelDirectory(folder, id, sha256);
  if ((await textOf(join(dir, MARKER)))?.trim() !== sha256) return missing(`The model ${id} is not in ${folder}`);
  const files: Record<string, string> = {};
  for (const [name, file] of Object.entries(expected)) {
    files[name] = join(dir, name);
    if ((await sizeOf(files[name])) !== file.size) return missing(`The model ${id} has lost its file ${files[name]}`);
  }
  return { available: true, id, dir, files, sha256, licence: entry.licence.spdx };
}

const absent = (error: NodeJS.ErrnoException) => {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
  return undefined;
};
const textOf = (path: string) => readFile(path, "utf8").catch(absent);
const sizeOf = async (path: string) => (await stat(path).catch(absent))?.size;
