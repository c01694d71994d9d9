import { link, readdir, readFile, rename, rmdir, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { ABSENT, codeOf, disk, fromDisk, unless } from "./disk-error.ts";
import type { Folders } from "./folders.ts";
import { byUtf8Bytes } from "./order.ts";
import type { TempFiles } from "./temp-files.ts";

const SIDECARS = "sidecars";
/** A folder removed as empty while a document moves into it is made again; more often than this means something else is wrong. */
const MAX_TRIES = 100;

/** Named documents of one tenant: `sidecars/...` lies right below the tenant's folder, all else below `named`, so that no name can meet blobs
 * or uploads. Keys are checked by the caller. */
export class NamedDocuments {
  readonly #tenant: string;
  readonly #folders: Folders;
  readonly #temp: TempFiles;

  constructor(tenant: string, folders: Folders, temp: TempFiles) {
    this.#tenant = tenant;
    this.#folders = folders;
    this.#temp = temp;
  }

  put(name: string, bytes: Uint8Array): Promise<void> {
    return this.#write(name, bytes, (temp, path) => rename(temp, path));
  }

  /** False when something has the name. */
  async create(name: string, bytes: Uint8Array): Promise<boolean> {
    let isNew = true;
    await this.#write(name, bytes, async (temp, path) => {
      // Never over another file, unlike `rename`.
      await link(temp, path).catch((error: unknown) => {
        if (codeOf(error) !== "EEXIST") throw error;
        isNew = false;
      });
      await unlink(temp);
    });
    return isNew || (await this.#clashes(name));
  }

  /** Throws BLOB_KEY_INVALID when it is a folder that has the name; else false. */
  async #clashes(name: string): Promise<false> {
    const found = await unless(ABSENT, stat(this.#pathOf(name)));
    if (found?.isDirectory()) throw clash(Object.assign(new Error("a folder"), { code: "EISDIR" }), name);
    return false;
  }

  async #write(name: string, bytes: Uint8Array, keep: (temp: string, path: string) => Promise<void>): Promise<void> {
    const path = this.#pathOf(name);
    await this.#temp.write(
      0o644,
      (handle) => disk(handle.writeFile(bytes)),
      async (temp) => {
        for (let tries = 1; ; tries++) {
          try {
            await keep(temp, path);
            break;
          } catch (error) {
            if (codeOf(error) !== "ENOENT" || tries === MAX_TRIES) throw clash(error, name);
          }
          try {
            await this.#folders.create(dirname(path));
          } catch (error) {
            if (codeOf(error) !== "ENOENT") throw clash(error, name);
          }
        }
        // Gone again: somebody removed the document, and its folder with it.
        await unless(ABSENT, this.#folders.sync(dirname(path)));
      },
    );
  }

  async get(name: string): Promise<Uint8Array | undefined> {
    return unless([...ABSENT, "EISDIR"], readFile(this.#pathOf(name)));
  }

  /** Folders left empty go with it: a name may tell of what was erased. */
  async delete(name: string): Promise<void> {
    const path = this.#pathOf(name);
    const isGone = await unless(
      [...ABSENT, "EISDIR", "EPERM"],
      unlink(path).then(() => true),
    );
    if (!isGone) return;
    let folder = dirname(path);
    while (
      folder !== this.#tenant &&
      (await unless(
        ["ENOTEMPTY", "EEXIST", "ENOENT"],
        rmdir(folder).then(() => true),
      ))
    )
      folder = dirname(folder);
    await unless(ABSENT, this.#folders.sync(folder));
  }

  async list(prefix: string, after: string | undefined, limit: number): Promise<string[]> {
    const names: string[] = [];
    for await (const name of this.#walk("", prefix, after)) {
      names.push(name);
      if (names.length === limit) break;
    }
    return names;
  }

  /** The folders that hold documents. */
  roots(): string[] {
    return [join(this.#tenant, SIDECARS), join(this.#tenant, "named")];
  }

  #pathOf(name: string): string {
    return name.startsWith(`${SIDECARS}/`) ? join(this.#tenant, name) : join(this.#tenant, "named", name);
  }

  /** Names below `folder` ("" or ending in "/") in order. An entry that is a folder is ordered as if its name ended in "/", as its documents'
   * names go on so: `a-b` comes before `a/1`. */
  async *#walk(folder: string, prefix: string, after: string | undefined): AsyncGenerator<string> {
    const entries = (await this.#entries(folder)).map((entry) => folder + entry);
    for (const name of entries.sort(byUtf8Bytes)) {
      if (!name.endsWith("/")) {
        if (name.startsWith(prefix) && (after === undefined || byUtf8Bytes(name, after) > 0)) yield name;
        continue;
      }
      const holdsPrefix = name.startsWith(prefix) || prefix.startsWith(name);
      const isBehind = after !== undefined && byUtf8Bytes(name, after) < 0 && !after.startsWith(name);
      if (holdsPrefix && !isBehind) yield* this.#walk(name, prefix, after);
    }
  }

  async #entries(folder: string): Promise<string[]> {
    const path = folder === "" ? join(this.#tenant, "named") : this.#pathOf(folder);
    const found = (await unless(ABSENT, readdir(path, { withFileTypes: true }))) ?? [];
    const names = found.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name));
    if (folder === "") names.push(`${SIDECARS}/`);
    return names;
  }
}

function clash(error: unknown, name: string): HeimdexError {
  const code = codeOf(error) ?? "";
  if (["ENOTDIR", "EISDIR", "ENOTEMPTY", "EEXIST"].includes(code))
    return new HeimdexError("BLOB_KEY_INVALID", `${name} lies above or below the name of another document`, {
      cause: error,
    });
  return fromDisk(error);
}
