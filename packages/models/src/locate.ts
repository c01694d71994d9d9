import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { chooseModels } from "./choose.ts";
import { MODELS } from "./manifest.ts";
import type { ModelEntry } from "./manifest-schema.ts";
import { MARKER, modelDigest, modelDirectory, modelFolder } from "./model-folder.ts";

export interface LocateOptions {
  /** Default `modelFolder()`. */
  readonly folder?: string;
  /** Default `MODELS`. */
  readonly models?: readonly ModelEntry[];
}

export type LocatedModel =
  | {
      readonly available: true;
      readonly id: string;
      readonly dir: string;
      /** Absolute paths by the names the manifest gives them, such as `det.onnx`. */
      readonly files: Readonly<Record<string, string>>;
      /** Digest over the entry's file digests, for `StageModel`. */
      readonly sha256: string;
      /** SPDX expression. */
      readonly licence: string;
    }
  | { readonly available: false; readonly reason: "NO_MODEL"; readonly help: string };

/** Is the model there? Looks at the marker a pull leaves after checking every digest, and at the sizes; reads no weights, so it
 * costs under a millisecond at each start of a stage. `verifyModels` looks at every byte.
 * Rejects with INVALID_ARGUMENT for an id the manifest does not have. */
export async function locateModel(id: string, options: LocateOptions = {}): Promise<LocatedModel> {
  const { folder = modelFolder(), models = MODELS } = options;
  const [entry] = chooseModels(
    id,
    models.filter((model) => model.id === id),
  );
  if (entry === undefined) throw new Error("chooseModels answers at least one entry");
  const dir = modelDirectory(folder, entry);
  const sha256 = modelDigest(entry);
  const missing = (what: string): LocatedModel => ({
    available: false,
    reason: "NO_MODEL",
    help: `${what}. Fetch it: \`heimdex models pull ${id}\`.`,
  });
  if ((await textOf(join(dir, MARKER)))?.trim() !== sha256) return missing(`The model ${id} is not in ${folder}`);
  const files: Record<string, string> = {};
  for (const [name, file] of Object.entries(entry.files)) {
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
