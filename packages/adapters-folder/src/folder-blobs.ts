import { open, realpath, rename, stat, statfs, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import {
  type BlobKey,
  type Blobs,
  type ByteRange,
  checkAttempt,
  checkBlobKey,
  checkListing,
  checkName,
  checkRange,
  checkTenant,
  checkUploadKey,
  receive,
  type Stored,
  type UploadKey,
} from "@heimdex/ports";
import { ABSENT, disk, unless } from "./disk-error.ts";
import { bytesBelow, FolderSizes } from "./folder-sizes.ts";
import { Folders } from "./folders.ts";
import { NamedDocuments } from "./named-documents.ts";
import { receiveTo } from "./receive.ts";
import { TempFiles } from "./temp-files.ts";
import { Uploads } from "./uploads.ts";

/** Bytes of a chunk given to a reader. */
const CHUNK_BYTES = 256 * 1024;
const READ_ONLY = 0o444;

/** Blobs in a folder, by tenant: `<tenant>/cas/sha256/<ab>/<sha256>`, `<tenant>/uploads/<attempt>/<n>`, `<tenant>/sidecars/...` and
 * `<tenant>/named/...`; files under way are in `.tmp`. A file is written there, synced, renamed, and its new folder synced, before a call
 * resolves. Several processes may use one folder. */
export class FolderBlobs implements Blobs {
  readonly #root: string;
  readonly #folders: Folders;
  readonly #temp: TempFiles;
  readonly #sizes = new FolderSizes();

  private constructor(root: string, folders: Folders, temp: TempFiles) {
    this.#root = root;
    this.#folders = folders;
    this.#temp = temp;
  }

  /** Creates the folder when it is missing, and removes what killed processes left half-written.
   * @throws HeimdexError DISK_FULL; INTERNAL when the folder cannot be written to */
  static async open(root: string): Promise<FolderBlobs> {
    const folders = new Folders();
    await disk(folders.create(resolve(root)));
    const path = await disk(realpath(root));
    return new FolderBlobs(path, folders, await TempFiles.open(join(path, ".tmp"), folders));
  }

  async put(key: BlobKey, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
    checkBlobKey(key);
    signal?.throwIfAborted();
    const differs = (what: string) =>
      new HeimdexError("BLOB_DIGEST_MISMATCH", `the bytes for blob ${key.sha256} (${key.size} bytes) ${what}`);
    const verify = ({ sha256, size }: Stored) => {
      if (size !== key.size) throw differs(`are ${size}`);
      if (sha256 !== key.sha256) throw differs(`have the SHA-256 ${sha256}`);
    };
    const bound = { maxBytes: key.size, tooLarge: () => differs("are more") };
    if (await this.has(key)) {
      verify(await receive(bytes, bound, undefined, signal));
      // Whoever put it may not have come to this yet.
      await unless(ABSENT, this.#folders.sync(dirname(this.#casPath(key))));
      if (await this.has(key)) return;
      throw new HeimdexError("BLOB_NOT_FOUND", `blob ${key.sha256} was deleted while it was put again`);
    }
    await this.#temp.write(
      READ_ONLY,
      async (handle) => {
        const stored = await receiveTo(handle, bytes, bound, signal);
        verify(stored);
      },
      (temp) => this.#keep(key, temp),
    );
  }

  async has(key: BlobKey): Promise<boolean> {
    checkBlobKey(key);
    const found = await unless(ABSENT, stat(this.#casPath(key)));
    return found !== undefined && found.size === key.size;
  }

  async get(key: BlobKey, range?: ByteRange, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    signal?.throwIfAborted();
    if (!(await this.has(key))) throw notFound(key);
    return this.#read(key, checkRange(key.size, range), signal);
  }

  async delete(key: BlobKey): Promise<void> {
    checkBlobKey(key);
    const path = this.#casPath(key);
    if (
      await unless(
        ABSENT,
        unlink(path).then(() => true),
      )
    )
      await disk(this.#folders.sync(dirname(path)));
  }

  async upload(
    key: UploadKey,
    bytes: AsyncIterable<Uint8Array>,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<Stored> {
    checkUploadKey(key);
    signal?.throwIfAborted();
    return this.#uploads(key.tenant).upload(key, bytes, maxBytes, signal);
  }

  async commitUpload(key: UploadKey, expected: BlobKey): Promise<void> {
    checkUploadKey(key);
    checkBlobKey(expected);
    if (key.tenant !== expected.tenant)
      throw new HeimdexError(
        "BLOB_KEY_INVALID",
        `an upload of ${key.tenant} cannot become a blob of ${expected.tenant}`,
      );
    if (await this.#uploads(key.tenant).commit(key, expected, (path) => this.#keep(expected, path))) return;
    if (!(await this.has(expected))) throw notFound(expected);
    await unless(ABSENT, this.#folders.sync(dirname(this.#casPath(expected))));
  }

  async dropUploads(tenant: string, attempt: string): Promise<void> {
    checkAttempt(tenant, attempt);
    await this.#uploads(tenant).drop(attempt);
  }

  async dropStaleUploads(tenant: string, idleMs: number): Promise<void> {
    checkTenant(tenant);
    await this.#uploads(tenant).dropStale(Date.now() - idleMs);
  }

  async putNamed(tenant: string, name: string, bytes: Uint8Array): Promise<void> {
    checkName(tenant, name);
    await this.#named(tenant).put(name, bytes);
  }

  async createNamed(tenant: string, name: string, bytes: Uint8Array): Promise<boolean> {
    checkName(tenant, name);
    return this.#named(tenant).create(name, bytes);
  }

  async getNamed(tenant: string, name: string): Promise<Uint8Array | undefined> {
    checkName(tenant, name);
    return this.#named(tenant).get(name);
  }

  async listNamed(tenant: string, prefix: string, after: string | undefined, limit: number): Promise<string[]> {
    checkListing(tenant, prefix, after, limit);
    return this.#named(tenant).list(prefix, after, limit);
  }

  async deleteNamed(tenant: string, name: string): Promise<void> {
    checkName(tenant, name);
    await this.#named(tenant).delete(name);
  }

  localPath(key: BlobKey): string {
    checkBlobKey(key);
    return this.#casPath(key);
  }

  async localUploadPath(key: UploadKey): Promise<string> {
    checkUploadKey(key);
    return this.#uploads(key.tenant).pathForWorker(key);
  }

  async presignGet(key: BlobKey): Promise<undefined> {
    checkBlobKey(key);
  }

  async presignPut(key: UploadKey): Promise<undefined> {
    checkUploadKey(key);
  }

  async usage(tenant: string): Promise<{ cas: number; uploads: number; sidecars: number }> {
    checkTenant(tenant);
    const [sidecars, named] = this.#named(tenant).roots() as [string, string];
    return {
      cas: await this.#sizes.below(join(this.#root, tenant, "cas")),
      uploads: await bytesBelow(join(this.#root, tenant, "uploads")),
      sidecars: (await this.#sizes.below(sidecars)) + (await this.#sizes.below(named)),
    };
  }

  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await disk(statfs(this.#root));
    return bavail * bsize;
  }

  /** Nothing is kept open between calls, so there is nothing to close. */
  async [Symbol.asyncDispose](): Promise<void> {}

  #casPath({ tenant, sha256 }: BlobKey): string {
    return join(this.#root, tenant, "cas", "sha256", sha256.slice(0, 2), sha256);
  }

  #uploads(tenant: string): Uploads {
    return new Uploads(join(this.#root, tenant, "uploads"), this.#folders, this.#temp);
  }

  #named(tenant: string): NamedDocuments {
    return new NamedDocuments(join(this.#root, tenant), this.#folders, this.#temp);
  }

  /** Makes a verified, synced file the blob. */
  async #keep(key: BlobKey, file: string): Promise<void> {
    const path = this.#casPath(key);
    if (
      !(await unless(
        ["ENOENT"],
        rename(file, path).then(() => true),
      ))
    ) {
      await disk(this.#folders.createShards(dirname(dirname(path))));
      await disk(rename(file, path));
    }
    await disk(this.#folders.sync(dirname(path)));
  }

  async *#read(key: BlobKey, range: ByteRange, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted();
    const handle = await unless(ABSENT, open(this.#casPath(key), "r"));
    if (handle === undefined) throw notFound(key);
    try {
      for (let at = range.start; at < range.end; ) {
        const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, range.end - at));
        const { bytesRead } = await disk(handle.read(chunk, 0, chunk.length, at));
        signal?.throwIfAborted();
        if (bytesRead === 0)
          throw new HeimdexError("BLOB_DIGEST_MISMATCH", `blob ${key.sha256} ends at byte ${at}, not ${key.size}`);
        at += bytesRead;
        yield bytesRead === chunk.length ? chunk : chunk.subarray(0, bytesRead);
        signal?.throwIfAborted();
      }
    } finally {
      await disk(handle.close());
    }
  }
}

function notFound({ tenant, sha256, size }: BlobKey): HeimdexError {
  return new HeimdexError("BLOB_NOT_FOUND", `${tenant} has no blob ${sha256} of ${size} bytes`);
}
