import { type FileHandle, open, readdir, rm, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ABSENT, disk, unless } from "./disk-error.ts";
import type { Folders } from "./folders.ts";
import { fateOf, processTag } from "./process-tag.ts";

/** A file of which it cannot be told whether its process still runs is removed when nothing wrote to it for this long. */
const STALE_MS = 24 * 60 * 60 * 1000;

/** Files under way, in one folder on the same file system as their goal: they get their names only when they are whole. */
export class TempFiles {
  readonly #folder: string;
  readonly #prefix: string;
  #count = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#prefix = `${processTag()}.${crypto.randomUUID()}`;
  }

  /** Removes what processes that were killed left behind. */
  static async open(folder: string, folders: Folders): Promise<TempFiles> {
    await disk(folders.create(folder));
    for (const name of await disk(readdir(folder))) {
      const path = join(folder, name);
      const fate = fateOf(name);
      if (fate === "ended" || (fate === "unknown" && (await isStale(path))))
        await disk(rm(path, { recursive: true, force: true }));
    }
    return new TempFiles(folder);
  }

  /** Gives `fill` a new file, syncs it to disk, and gives its path to `keep`, which renames it. Whatever fails, the file is gone afterwards.
   * @param mode permissions of the file */
  async write<T>(
    mode: number,
    fill: (handle: FileHandle) => Promise<T>,
    keep: (path: string, filled: T) => Promise<void>,
  ): Promise<T> {
    const path = join(this.#folder, `${this.#prefix}.${this.#count++}`);
    const handle = await disk(open(path, "wx", mode));
    try {
      let filled: T;
      try {
        filled = await fill(handle);
        await disk(handle.sync());
      } finally {
        await disk(handle.close());
      }
      await keep(path, filled);
      return filled;
    } catch (error) {
      await unless(ABSENT, unlink(path));
      throw error;
    }
  }
}

async function isStale(path: string): Promise<boolean> {
  const found = await unless(ABSENT, stat(path));
  return found !== undefined && Date.now() - found.mtimeMs > STALE_MS;
}
