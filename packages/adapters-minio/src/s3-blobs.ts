import { createHash } from "node:crypto";
import { Readable } from "node:stream";
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
  type Reach,
  receive,
  type Stored,
  type UploadKey,
} from "@heimdex/ports";
import { Bucket, type ObjectFacts } from "./bucket.ts";
import { checkBucket } from "./check-bucket.ts";
import { copyObject, MAX_COPY_BYTES } from "./copy-object.ts";
import {
  attemptFolder,
  blobName,
  casFolder,
  documentName,
  documentsFolder,
  SIDECARS,
  uploadName,
  uploadsFolder,
} from "./object-names.ts";
import { type ResolvedS3Options, resolveS3Options, type S3Options } from "./options.ts";
import { Presigner } from "./presign.ts";
import { receiveTo } from "./receive.ts";
import { fromStore } from "./s3-error.ts";
import { type Usage, UsageCounter } from "./usage.ts";

/** Most bytes S3 takes in one PUT. */
const MAX_PUT_BYTES = 5 * 1024 ** 3;
/** Objects removed at once. */
const REMOVALS_AT_ONCE = 8;

/** Blobs in a bucket of MinIO, AWS S3 or another store with its API: `<tenant>/cas/sha256/<ab>/<sha256>`, `<tenant>/uploads/<attempt>/<n>`,
 * `<tenant>/sidecars/...` and `<tenant>/named/...`. S3 itself writes objects whole or not at all, and shows them to all at once. Any number of
 * processes may use one bucket. A stream takes 16 MiB of memory at most, whatever its length (up to 80 GiB). */
export class S3Blobs implements Blobs {
  readonly #bucket: Bucket;
  readonly #presigner: Presigner;
  readonly #usage: UsageCounter;

  private constructor(bucket: Bucket, options: ResolvedS3Options) {
    this.#bucket = bucket;
    this.#presigner = new Presigner(options);
    this.#usage = new UsageCounter(bucket);
  }

  /** Creates the bucket when it is missing, and tries what will be done there.
   * @throws HeimdexError CONFIG_INVALID, BLOB_UNAVAILABLE, BLOB_STORE_REFUSED, DISK_FULL */
  static async open(options: S3Options): Promise<S3Blobs> {
    const resolved = resolveS3Options(options);
    const bucket = new Bucket(resolved);
    try {
      await checkBucket(bucket);
      return new S3Blobs(bucket, resolved);
    } catch (error) {
      bucket.close();
      throw error;
    }
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
    if (await this.#has(key, signal)) {
      verify(await receive(bytes, bound, undefined, signal));
      if (await this.#has(key, signal)) return;
      throw new HeimdexError("BLOB_NOT_FOUND", `blob ${key.sha256} was deleted while it was put again`);
    }
    await receiveTo(this.#bucket, blobName(key), bytes, bound, verify, signal);
  }

  async has(key: BlobKey): Promise<boolean> {
    checkBlobKey(key);
    return this.#has(key, undefined);
  }

  async get(key: BlobKey, range?: ByteRange, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    checkBlobKey(key);
    signal?.throwIfAborted();
    if (!(await this.#has(key, signal))) throw notFound(key);
    return this.#read(key, checkRange(key.size, range), signal);
  }

  async delete(key: BlobKey): Promise<void> {
    checkBlobKey(key);
    await this.#bucket.remove(blobName(key));
  }

  async upload(
    key: UploadKey,
    bytes: AsyncIterable<Uint8Array>,
    maxBytes: number,
    signal?: AbortSignal,
  ): Promise<Stored> {
    checkUploadKey(key);
    signal?.throwIfAborted();
    const tooLarge = () =>
      new HeimdexError("BLOB_TOO_LARGE", `upload ${key.n} of attempt ${key.attempt} exceeds ${maxBytes} bytes`);
    return receiveTo(this.#bucket, uploadName(key), bytes, { maxBytes, tooLarge }, () => {}, signal);
  }

  /** The SHA-256 is what the store states of the upload, else of a copy that only this call knows, else it is reckoned here from what the store gives
   * back. What is made the blob is bound by ETag to what was looked at: whoever holds a URL to put may use it meanwhile. */
  async commitUpload(key: UploadKey, expected: BlobKey): Promise<void> {
    checkUploadKey(key);
    checkBlobKey(expected);
    if (key.tenant !== expected.tenant)
      throw new HeimdexError(
        "BLOB_KEY_INVALID",
        `an upload of ${key.tenant} cannot become a blob of ${expected.tenant}`,
      );
    const name = uploadName(key);
    const upload = await this.#bucket.head(name);
    if (upload === undefined) return this.#assertCommitted(expected);
    if (upload.size !== expected.size) return this.#refuse(key, `it has ${upload.size} bytes`);
    const sha256 = upload.sha256 ?? (await this.#statedByCopy(name, upload)) ?? (await this.#readBack(name, upload));
    if (sha256 === undefined) return this.#changed(key, expected);
    if (sha256 !== expected.sha256) return this.#refuse(key, `its SHA-256 is ${sha256}`);
    if (!(await copyObject(this.#bucket, name, blobName(expected), upload))) return this.#changed(key, expected);
    await this.#bucket.remove(name);
  }

  async dropUploads(tenant: string, attempt: string): Promise<void> {
    checkAttempt(tenant, attempt);
    await this.#removeAll(this.#bucket.all(attemptFolder(tenant, attempt)));
  }

  async dropStaleUploads(tenant: string, idleMs: number): Promise<void> {
    checkTenant(tenant);
    const beforeMs = Date.now() - idleMs;
    const stale = async function* (bucket: Bucket) {
      for await (const upload of bucket.all(uploadsFolder(tenant))) if (upload.modifiedMs <= beforeMs) yield upload;
    };
    await this.#removeAll(stale(this.#bucket));
    for await (const { name, upload, begunMs } of this.#bucket.unfinished()) {
      const isOurs = name.startsWith(uploadsFolder(tenant)) || name.startsWith(casFolder(tenant));
      if (isOurs && begunMs <= beforeMs) await this.#bucket.abandon(name, upload);
    }
  }

  async putNamed(tenant: string, name: string, bytes: Uint8Array): Promise<void> {
    checkName(tenant, name);
    const once = async function* () {
      yield bytes;
    };
    const bound = { maxBytes: bytes.length, tooLarge: () => new Error("a document of bytes cannot grow") };
    await receiveTo(this.#bucket, documentName(tenant, name), once(), bound, () => {}, undefined);
  }

  async createNamed(tenant: string, name: string, bytes: Uint8Array): Promise<boolean> {
    checkName(tenant, name);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return this.#bucket.putNew(documentName(tenant, name), Buffer.from(bytes), sha256);
  }

  async getNamed(tenant: string, name: string): Promise<Uint8Array | undefined> {
    checkName(tenant, name);
    return this.#bucket.whole(documentName(tenant, name));
  }

  async listNamed(tenant: string, prefix: string, after: string | undefined, limit: number): Promise<string[]> {
    checkListing(tenant, prefix, after, limit);
    const names: string[] = [];
    const add = async (folder: string, within: string) => {
      const behind = after === undefined ? "" : `${folder}${after}`;
      for (const { name } of await this.#bucket.list(`${folder}${within}`, behind, limit))
        names.push(name.slice(folder.length));
    };
    await add(documentsFolder(tenant), prefix);
    if (prefix.startsWith(SIDECARS)) await add(`${tenant}/`, prefix);
    else if (SIDECARS.startsWith(prefix)) await add(`${tenant}/`, SIDECARS);
    // Names are ASCII, where JavaScript's order is that of the bytes.
    return names.sort().slice(0, limit);
  }

  async deleteNamed(tenant: string, name: string): Promise<void> {
    checkName(tenant, name);
    await this.#bucket.remove(documentName(tenant, name));
  }

  localPath(key: BlobKey): undefined {
    checkBlobKey(key);
  }

  async localUploadPath(key: UploadKey): Promise<undefined> {
    checkUploadKey(key);
  }

  async presignGet(key: BlobKey, lifeMs: number, reach: Reach): Promise<string> {
    checkBlobKey(key);
    return this.#presigner.get(blobName(key), lifeMs, reach);
  }

  async presignPut(key: UploadKey, size: number, lifeMs: number, reach: Reach): Promise<string | undefined> {
    checkUploadKey(key);
    return size > MAX_PUT_BYTES ? undefined : this.#presigner.put(uploadName(key), size, lifeMs, reach);
  }

  /** From 10,000 objects of a tenant on, up to 5 minutes old. */
  async usage(tenant: string): Promise<Usage> {
    checkTenant(tenant);
    return this.#usage.of(tenant);
  }

  /** S3 does not say. */
  async freeBytes(): Promise<undefined> {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.#bucket.close();
  }

  async #has(key: BlobKey, signal: AbortSignal | undefined): Promise<boolean> {
    return (await this.#bucket.head(blobName(key), signal))?.size === key.size;
  }

  /** The SHA-256 that the store reckons when it copies the upload. Undefined where it cannot, or when the upload is no longer there. */
  async #statedByCopy(name: string, upload: ObjectFacts): Promise<string | undefined> {
    if (upload.size > MAX_COPY_BYTES) return undefined;
    const copy = `${name}.${crypto.randomUUID()}`;
    try {
      if (!(await this.#bucket.copy(name, copy, upload))) return undefined;
      return (await this.#bucket.head(copy))?.sha256;
    } finally {
      await this.#bucket.remove(copy);
    }
  }

  async #readBack(name: string, { size, etag }: ObjectFacts): Promise<string | undefined> {
    // A range of nothing cannot be asked for.
    const reading = size === 0 ? Readable.from([]) : await this.#bucket.get(name, { start: 0, end: size, etag });
    if (reading === undefined) return undefined;
    const bound = { maxBytes: size, tooLarge: () => new Error("more bytes than were asked for") };
    try {
      return (await receive(reading, bound, undefined, undefined)).sha256;
    } catch (reason) {
      throw fromStore(reason, `reading ${name}`, this.#bucket.name);
    }
  }

  async #assertCommitted(expected: BlobKey): Promise<void> {
    if (!(await this.has(expected))) throw notFound(expected);
  }

  /** The upload went, or another took its place, while it was committed: another commit of it was quicker, or its worker put it again. */
  async #changed(key: UploadKey, expected: BlobKey): Promise<void> {
    if ((await this.#bucket.head(uploadName(key))) === undefined) return this.#assertCommitted(expected);
    return this.#refuse(key, "it was put again while it was committed");
  }

  async #refuse(key: UploadKey, why: string): Promise<never> {
    await this.#bucket.remove(uploadName(key));
    throw new HeimdexError(
      "BLOB_DIGEST_MISMATCH",
      `upload ${key.n} of attempt ${key.attempt} is not what was stated: ${why}`,
    );
  }

  async *#read(key: BlobKey, { start, end }: ByteRange, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
    signal?.throwIfAborted();
    if (start === end) return;
    const name = blobName(key);
    const reading = await this.#bucket.get(name, { start, end }, signal);
    if (reading === undefined) throw notFound(key);
    let at = start;
    try {
      for await (const chunk of reading) {
        signal?.throwIfAborted();
        at += (chunk as Buffer).length;
        yield chunk as Buffer;
        signal?.throwIfAborted();
      }
    } catch (reason) {
      signal?.throwIfAborted();
      throw fromStore(reason, `reading ${name}`, this.#bucket.name);
    }
    if (at !== end) throw new HeimdexError("BLOB_DIGEST_MISMATCH", `blob ${key.sha256} ends at byte ${at}, not ${end}`);
  }

  async #removeAll(objects: AsyncIterable<{ readonly name: string }>): Promise<void> {
    let removals: Promise<void>[] = [];
    for await (const { name } of objects) {
      removals.push(this.#bucket.remove(name));
      if (removals.length < REMOVALS_AT_ONCE) continue;
      await Promise.all(removals);
      removals = [];
    }
    await Promise.all(removals);
  }
}

function notFound({ tenant, sha256, size }: BlobKey): HeimdexError {
  return new HeimdexError("BLOB_NOT_FOUND", `${tenant} has no blob ${sha256} of ${size} bytes`);
}
