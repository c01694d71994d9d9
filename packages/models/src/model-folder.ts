import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { FileDigest } from "./model-lock.ts";

/** Where models lie: `HEIMDEX_MODELS`, else the XDG cache, `~/.cache/heimdex/models`. They can always be fetched again. */
export function modelFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env.HEIMDEX_MODELS) return resolve(env.HEIMDEX_MODELS);
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), ".cache"), "heimdex", "models");
}

/** SHA-256 over the names and digests of a model's files: what `StageModel.sha256` and step keys carry. */
export function modelDigest(id: string, digests: Readonly<Record<string, FileDigest>>): string {
  const files = Object.entries(digests)
    .map(([name, file]) => [name, file.sha256])
    .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([id, files]))
    .digest("hex");
}

/** Folder of one version of a model: another digest is another folder, so that an update never changes files in use. */
export function modelDirectory(folder: string, id: string, digest: string): string {
  return join(folder, id, digest.slice(0, 16));
}

/** Written last into a model's folder, after every digest was checked; removed when `verify` finds a bad file. */
export const MARKER = ".verified";
