import type { Dirent } from "node:fs";
import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { ABSENT, unless } from "./disk-error.ts";

interface Known {
  readonly mtimeNs: bigint;
  readonly bytes: number;
  readonly folders: readonly string[];
}

/** A change within the same tick of the file system's clock as the one before leaves a folder's mtime as it is; what was read this long after it
 * can be relied on. */
const SETTLED_NS = 2_000_000_000n;
/** Files asked for their size at a time. */
const AT_ONCE = 64;

/** Adds up the sizes of files that never change in place: a folder whose own mtime is as before holds what it held before, so only
 * folders with new or removed entries are read again. */
export class FolderSizes {
  readonly #known = new Map<string, Known>();

  /** Bytes of all files below; 0 when there is no such folder. */
  async below(folder: string): Promise<number> {
    const found = await unless(ABSENT, stat(folder, { bigint: true }));
    if (found === undefined) {
      this.#known.delete(folder);
      return 0;
    }
    const { mtimeNs } = found;
    let known = this.#known.get(folder);
    if (known?.mtimeNs !== mtimeNs) {
      const isSettled = BigInt(Date.now()) * 1_000_000n - mtimeNs > SETTLED_NS;
      known = { mtimeNs, ...(await readEntries(folder)) };
      if (isSettled) this.#known.set(folder, known);
      else this.#known.delete(folder);
    }
    let bytes = known.bytes;
    for (const name of known.folders) bytes += await this.below(join(folder, name));
    return bytes;
  }
}

/** Bytes of all files below, none remembered; 0 when there is no such folder. */
export async function bytesBelow(folder: string): Promise<number> {
  const { bytes, folders } = await readEntries(folder);
  let all = bytes;
  for (const name of folders) all += await bytesBelow(join(folder, name));
  return all;
}

async function readEntries(folder: string): Promise<{ bytes: number; folders: string[] }> {
  const entries: Dirent[] = (await unless(ABSENT, readdir(folder, { withFileTypes: true }))) ?? [];
  const folders: string[] = [];
  const files: string[] = [];
  for (const entry of entries) (entry.isDirectory() ? folders : files).push(entry.name);
  let bytes = 0;
  for (let at = 0; at < files.length; at += AT_ONCE) {
    const sizes = files.slice(at, at + AT_ONCE).map((name) => unless(ABSENT, lstat(join(folder, name))));
    for (const found of await Promise.all(sizes)) bytes += found?.size ?? 0;
  }
  return { bytes, folders };
}
