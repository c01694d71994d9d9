import { access } from "node:fs/promises";
import { join } from "node:path";
import { digestOf } from "./file-digest.ts";
import type { LocatedModel } from "./locate.ts";
import type { ModelEntry, SystemSource } from "./manifest-schema.ts";
import { modelDigest } from "./model-folder.ts";
import type { FileDigest } from "./model-lock.ts";

/** A model that the system's packages installed, in the folder its variable names or the first usual one that has its files. */
export async function locateSystemModel(
  entry: ModelEntry,
  source: SystemSource,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<LocatedModel> {
  const named = env[source.env];
  const folders = named ? [named] : source.folders;
  const names = Object.keys(entry.files);
  for (const dir of folders) {
    const there = await Promise.all(names.map((name) => isThere(join(dir, name))));
    if (!there.every(Boolean)) continue;
    const digests: Record<string, FileDigest> = {};
    for (const name of names) digests[name] = await digestOf(join(dir, name));
    const files = Object.fromEntries(names.map((name) => [name, join(dir, name)]));
    return {
      available: true,
      id: entry.id,
      dir,
      files,
      sha256: modelDigest(entry.id, digests),
      licence: entry.licence.spdx,
    };
  }
  return {
    available: false,
    reason: "NO_MODEL",
    help: `The model ${entry.id} is not in ${folders.join(", ")}. ${howToInstall(source)}`,
  };
}

/** The command for this system. */
function howToInstall({ install, env }: SystemSource): string {
  return `Install it: \`${process.platform === "darwin" ? install.brew : install.apt}\`; or name its folder in ${env}.`;
}

const isThere = (path: string) =>
  access(path).then(
    () => true,
    () => false, // whatever keeps it from being read, it cannot be used
  );
