import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, rename, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import type { BlobKey, Stored, UploadKey } from "@heimdex/ports";
import { ABSENT, codeOf, disk, fromDisk, unless } from "./disk-error.ts";
import type { Folders } from "./folders.ts";
import { receiveTo } from "./receive.ts";
import type { TempFiles } from "./temp-files.ts";

/** Read-only, so that a program that opens it to write by mistake is told. */
const READ_ONLY = 0o444;
const COPY_BYTES = 1024 * 1024;

/** Uploads of one tenant, at `uploads/<attempt>/`:
 * - `<n>.<sha256>` came through `upload`: this process wrote it to a file of its own, hashed it on the way and synced it before it got that
 *   name, and its path is given to nobody. So the name is proof of the content, and a commit is a rename.
 * - `<n>` is a path given to a worker. The worker may hold the file open for as long as it lives, and neither a rename nor a change of
 *   permissions ends that; so a commit copies it, hashing what it copies, and never makes the worker's own file a blob.
 * Keys are checked by the caller. */
export class Uploads {
  readonly #folder: string;
  readonly #folders: Folders;
  readonly #temp: TempFiles;

  constructor(folder: string, folders: Folders, temp: TempFiles) {
    this.#folder = folder;
    this.#folders = folders;
    this.#temp = temp;
  }

  async upload(
    key: UploadKey,
    bytes: AsyncIterable<Uint8Array>,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<Stored> {
    const tooLarge = () =>
      new HeimdexError("BLOB_TOO_LARGE", `upload ${key.n} of attempt ${key.attempt} exceeds ${maxBytes} bytes`);
    return this.#temp.write(
      READ_ONLY,
      (handle) => receiveTo(handle, bytes, { maxBytes, tooLarge }, signal),
      async (temp, { sha256 }) => {
        const folder = this.#attempt(key.attempt);
        await this.#removeAll(key);
        const path = join(folder, `${key.n}.${sha256}`);
        // No sync of the folder: after power loss the attempt is run again, and the file, synced before it got this name, is whole or absent.
        const isMoved = await unless(
          ["ENOENT"],
          rename(temp, path).then(() => true),
        );
        if (isMoved) return;
        await disk(this.#folders.create(folder));
        await disk(rename(temp, path));
      },
    );
  }

  async pathForWorker(key: UploadKey): Promise<string> {
    await disk(this.#folders.create(this.#attempt(key.attempt)));
    return join(this.#attempt(key.attempt), String(key.n));
  }

  /** Gives the verified file to `keep`, which renames it, and removes the upload. False when there is none.
   * @throws HeimdexError BLOB_DIGEST_MISMATCH; the upload is then removed */
  async commit(key: UploadKey, expected: BlobKey, keep: (path: string) => Promise<void>): Promise<boolean> {
    return (await this.#commitReceived(key, expected, keep)) || (await this.#commitWorkers(key, expected, keep));
  }

  async drop(attempt: string): Promise<void> {
    await disk(rm(this.#attempt(attempt), { recursive: true, force: true }));
  }

  /** Removes uploads that nothing was written to since `beforeMs`, and the folders of attempts that hold none. Removing a folder fails where an upload
   * has just come into it. */
  async dropStale(beforeMs: number): Promise<void> {
    for (const attempt of (await unless(ABSENT, readdir(this.#folder))) ?? []) {
      const folder = this.#attempt(attempt);
      for (const name of (await unless(ABSENT, readdir(folder))) ?? []) {
        const found = await unless(ABSENT, lstat(join(folder, name)));
        if (found !== undefined && found.mtimeMs <= beforeMs)
          await disk(rm(join(folder, name), { recursive: true, force: true }));
      }
      const found = await unless(ABSENT, lstat(folder));
      if (found !== undefined && found.mtimeMs <= beforeMs)
        await unless([...ABSENT, "ENOTEMPTY", "EEXIST"], rmdir(folder));
    }
  }

  #attempt(attempt: string): string {
    return join(this.#folder, attempt);
  }

  async #commitReceived(key: UploadKey, expected: BlobKey, keep: (path: string) => Promise<void>): Promise<boolean> {
    const path = join(this.#attempt(key.attempt), `${key.n}.${expected.sha256}`);
    const found = await unless(ABSENT, lstat(path));
    if (found === undefined) return false;
    if (!found.isFile() || found.size !== expected.size) return this.#refuse(key, `it has ${found.size} bytes`);
    try {
      await keep(path);
    } catch (error) {
      // Another commit of the same upload was quicker.
      if (codeOf((error as Error).cause) === "ENOENT") return false;
      throw error;
    }
    await disk(rm(join(this.#attempt(key.attempt), String(key.n)), { recursive: true, force: true }));
    return true;
  }

  async #commitWorkers(key: UploadKey, expected: BlobKey, keep: (path: string) => Promise<void>): Promise<boolean> {
    const path = join(this.#attempt(key.attempt), String(key.n));
    const source = await this.#openWorkers(key, path);
    if (source === undefined) {
      const others = await this.#received(key);
      return others.length > 0 && this.#refuse(key, `its SHA-256 is ${others[0]?.split(".")[1]}`);
    }
    try {
      const { size } = await disk(source.stat());
      if (size !== expected.size) return await this.#refuse(key, `it has ${size} bytes`);
      const grown = () =>
        new HeimdexError("BLOB_DIGEST_MISMATCH", `upload ${key.n} of attempt ${key.attempt} still grows`);
      await this.#temp.write(
        READ_ONLY,
        (handle) => receiveTo(handle, readAll(source), { maxBytes: expected.size, tooLarge: grown }, undefined),
        async (temp, { sha256, size }) => {
          if (sha256 !== expected.sha256 || size !== expected.size)
            await this.#refuse(key, `it has ${size} bytes with the SHA-256 ${sha256}`);
          await keep(temp);
        },
      );
    } catch (error) {
      if (error instanceof HeimdexError && error.id === "BLOB_DIGEST_MISMATCH") await this.#removeAll(key);
      throw error;
    } finally {
      await disk(source.close());
    }
    await this.#removeAll(key);
    return true;
  }

  /** Never through a link, which could lead to what the worker itself may not read, and never waiting for a pipe's other end. */
  async #openWorkers(key: UploadKey, path: string): Promise<FileHandle | undefined> {
    let source: FileHandle;
    try {
      source = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    } catch (error) {
      const code = codeOf(error) ?? "";
      if (ABSENT.some((absent) => absent === code)) return undefined;
      if (code === "ELOOP" || code === "EMLINK" || code === "ENXIO") return this.#refuse(key, "it is no plain file");
      throw fromDisk(error);
    }
    if ((await disk(source.stat())).isFile()) return source;
    await disk(source.close());
    return this.#refuse(key, "it is no plain file");
  }

  async #refuse(key: UploadKey, why: string): Promise<never> {
    await this.#removeAll(key);
    throw new HeimdexError(
      "BLOB_DIGEST_MISMATCH",
      `upload ${key.n} of attempt ${key.attempt} is not what was stated: ${why}`,
    );
  }

  async #received(key: UploadKey): Promise<string[]> {
    const names = (await unless(ABSENT, readdir(this.#attempt(key.attempt)))) ?? [];
    return names.filter((name) => name.startsWith(`${key.n}.`));
  }

  async #removeAll(key: UploadKey): Promise<void> {
    for (const name of [String(key.n), ...(await this.#received(key))])
      await disk(rm(join(this.#attempt(key.attempt), name), { recursive: true, force: true }));
  }
}

/** One buffer for all chunks: each is written before the next is read. */
async function* readAll(source: FileHandle): AsyncGenerator<Uint8Array> {
  const buffer = Buffer.allocUnsafeSlow(COPY_BYTES);
  for (;;) {
    const { bytesRead } = await disk(source.read(buffer, 0, buffer.length, null));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}
