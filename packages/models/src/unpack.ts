import { createHash } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { corrupt } from "./corrupt.ts";
import { digestOf } from "./file-digest.ts";
import type { ModelEntry } from "./manifest-schema.ts";
import type { FileDigest } from "./model-lock.ts";
import { tarballFiles } from "./tarball.ts";
import { WordVectorCompactor } from "./word-vectors.ts";

/** Takes the files a model needs out of its tarball into `directory`, each checked against the manifest and synced to disk;
 * a recipe's input streams by and is never stored. Nothing is written under a name the tarball chooses.
 * @param onBytes grows by the bytes of the tarball read so far
 * Rejects with MODEL_CORRUPT when a file is missing or not what it must be. */
export async function unpackModel(
  entry: ModelEntry,
  expected: Readonly<Record<string, FileDigest>>,
  tarball: string,
  directory: string,
  onBytes: (bytes: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  const wanted = new Map<string, (content: AsyncIterable<Buffer>) => Promise<void>>();
  for (const [name, want] of Object.entries(expected)) {
    const path = entry.files[name]?.path;
    if (path !== undefined) wanted.set(path, (content) => store(entry, path, join(directory, name), want, content));
  }
  const { recipe } = entry;
  if (recipe !== undefined) wanted.set(recipe.path, (content) => compact(entry, recipe, directory, content));
  try {
    for await (const file of tarballFiles(tarball, onBytes, signal)) {
      const take = wanted.get(file.path);
      if (wanted.delete(file.path)) await take?.(file.content);
      if (wanted.size === 0) break;
    }
  } catch (error) {
    signal?.throwIfAborted();
    if (isSystemError(error)) throw error;
    throw corrupt(entry, (error as Error).message, error);
  }
  for (const path of wanted.keys()) throw corrupt(entry, `the package holds no ${path}`);
  for (const [name, want] of Object.entries(expected)) {
    if (entry.files[name]?.path === undefined) check(entry, name, want, await digestOf(join(directory, name), signal));
  }
}

async function store(
  entry: ModelEntry,
  path: string,
  target: string,
  want: FileDigest,
  content: AsyncIterable<Buffer>,
): Promise<void> {
  await mkdir(dirname(target), { recursive: true });
  const hash = createHash("sha256");
  await using handle = await open(target, "w");
  let size = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    size += chunk.length;
    await handle.appendFile(chunk);
  }
  await handle.sync();
  check(entry, path, want, { sha256: hash.digest("hex"), size });
}

async function compact(
  entry: ModelEntry,
  recipe: { path: string; sha256: string; size: number },
  directory: string,
  content: AsyncIterable<Buffer>,
): Promise<void> {
  await using compactor = await WordVectorCompactor.create(directory);
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of content) {
    hash.update(chunk);
    size += chunk.length;
    await compactor.write(chunk);
  }
  check(entry, recipe.path, recipe, { sha256: hash.digest("hex"), size });
  await compactor.finish();
}

function check(entry: ModelEntry, name: string, want: FileDigest, got: FileDigest): void {
  if (got.sha256 === want.sha256 && got.size === want.size) return;
  throw corrupt(
    entry,
    `${name} has ${got.size} bytes with SHA-256 ${got.sha256}; the manifest says ${want.size} bytes with ${want.sha256}`,
  );
}

/** A full disk or a folder without permission says nothing about the bytes; zlib's errors carry a number, too, but no system call. */
const isSystemError = (error: unknown) =>
  error instanceof HeimdexError || typeof (error as NodeJS.ErrnoException).syscall === "string";
