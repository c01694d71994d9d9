import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { assertDone, bytesOf, textOf } from "./answer.ts";
import type { ResolvedS3Options } from "./options.ts";
import { codeOf, isAbsent, isTaken } from "./s3-error.ts";
import { StoreClient } from "./store-client.ts";

/** The slowest store whose copies are waited for. */
const COPY_BYTES_PER_MS = 10_000;

export interface ObjectFacts {
  readonly size: number;
  readonly etag: string;
  /** SHA-256 of the whole object as the store states it, hexadecimal; undefined where it states none, or one of parts. */
  readonly sha256: string | undefined;
  /** Unix ms; 0 where the store states none. */
  readonly modifiedMs: number;
}

export interface ListedObject {
  readonly name: string;
  readonly size: number;
  readonly modifiedMs: number;
}

export interface StoredPart {
  readonly part: number;
  readonly etag: string;
  /** As the store verified it, base64; undefined for copied parts. */
  readonly sha256: string | undefined;
}

/** One bucket, in the words of the S3 API. Every call is tried four times when the store, or the way to it, is in trouble, and rejects with a
 * HeimdexError: BLOB_UNAVAILABLE, BLOB_STORE_REFUSED, DISK_FULL, BLOB_KEY_INVALID, INTERNAL; or with the signal's reason. */
export class Bucket {
  readonly name: string;
  readonly #store: StoreClient;

  constructor(options: ResolvedS3Options) {
    this.name = options.bucket;
    this.#store = new StoreClient(options);
  }

  close(): void {
    this.#store.close();
  }

  /** Asked by listing, whose refusals say why: an answer to HEAD has no words. */
  exists(): Promise<boolean> {
    return this.#store.call("looking for the bucket", async () => {
      try {
        await this.#store.s3.listObjectsV2Query(this.name, "", "", "", 1, "");
        return true;
      } catch (reason) {
        if (codeOf(reason) === "NoSuchBucket") return false;
        throw reason;
      }
    });
  }

  /** Fine when somebody else has just created it with the same key. */
  create(): Promise<void> {
    return this.#store.call("creating the bucket", async () => {
      try {
        await this.#store.s3.makeBucket(this.name, this.#store.region);
      } catch (reason) {
        if (codeOf(reason) !== "BucketAlreadyOwnedByYou") throw reason;
      }
    });
  }

  /** Undefined when there is no such object. */
  head(name: string, signal?: AbortSignal): Promise<ObjectFacts | undefined> {
    const look = () =>
      orAbsent(async () => {
        const { headers } = await this.#store.send({
          method: "HEAD",
          name,
          headers: { "x-amz-checksum-mode": "ENABLED" },
        });
        const stated = headers["x-amz-checksum-sha256"];
        const isWhole =
          typeof stated === "string" && !stated.includes("-") && headers["x-amz-checksum-type"] !== "COMPOSITE";
        return {
          size: Number(headers["content-length"]),
          etag: headers.etag ?? "",
          sha256: isWhole ? hexOf(stated) : undefined,
          modifiedMs: Date.parse(headers["last-modified"] ?? "") || 0,
        };
      });
    return this.#store.call(`looking for ${name}`, look, { signal });
  }

  /** Bytes `start` to `end` (not empty); undefined when there is no such object, or none with this ETag. */
  get(
    name: string,
    { start, end, etag }: { start: number; end: number; etag?: string },
    signal?: AbortSignal,
  ): Promise<IncomingMessage | undefined> {
    const headers = { range: `bytes=${start}-${end - 1}`, ...(etag === undefined ? {} : { "if-match": etag }) };
    return this.#store.call(
      `reading ${name}`,
      () => orAbsent(() => this.#store.open({ method: "GET", name, headers, expect: [200, 206] })),
      {
        signal,
      },
    );
  }

  /** All bytes of an object that fits in memory; undefined when there is none. */
  whole(name: string): Promise<Buffer | undefined> {
    return this.#store.call(`reading ${name}`, () =>
      orAbsent(async () => bytesOf(await this.#store.open({ method: "GET", name }))),
    );
  }

  /** @param sha256 hexadecimal; the store refuses bytes that have another */
  async put(name: string, body: Buffer, sha256: string, signal?: AbortSignal): Promise<void> {
    const headers = { "x-amz-checksum-sha256": base64Of(sha256), "content-type": "application/octet-stream" };
    await this.#store.call(`writing ${name}`, () => this.#store.send({ method: "PUT", name, headers, body }), {
      signal,
    });
  }

  /** The same where nothing has that name. False when something has. */
  putNew(name: string, body: Buffer, sha256: string): Promise<boolean> {
    const headers = {
      "x-amz-checksum-sha256": base64Of(sha256),
      "content-type": "application/octet-stream",
      "if-none-match": "*",
    };
    let isRepeated = false;
    return this.#store.call(`writing ${name}`, async () => {
      try {
        await this.#store.send({ method: "PUT", name, headers, body });
        return true;
      } catch (reason) {
        if (!isTaken(reason)) throw reason;
        // The answer to the first try may have been lost: then what is there is what it wrote.
        return isRepeated && (await this.head(name))?.sha256 === sha256;
      } finally {
        isRepeated = true;
      }
    });
  }

  /** Copies within the store an object of at most 5 GiB, and has the store reckon the copy's SHA-256 where it can: `head` of the copy then states it.
   * False when there is no object with this ETag. */
  copy(from: string, to: string, { size, etag }: ObjectFacts): Promise<boolean> {
    const headers = {
      "x-amz-copy-source": `/${this.name}/${from}`,
      "x-amz-copy-source-if-match": etag,
      "x-amz-checksum-algorithm": "SHA256",
    };
    const copied = this.#store.call(
      `copying ${from} to ${to}`,
      () =>
        orAbsent(async () => {
          assertDone(await textOf(await this.#store.open({ method: "PUT", name: to, headers })), "CopyObjectResult");
          return true;
        }),
      { silenceMs: this.#store.silenceMs + size / COPY_BYTES_PER_MS },
    );
    return copied.then((done) => done === true);
  }

  /** A missing object is fine. */
  async remove(name: string): Promise<void> {
    await this.#store.call(`removing ${name}`, () => orAbsent(() => this.#store.s3.removeObject(this.name, name)));
  }

  /** At most 1,000 objects whose names begin with `prefix`, in the order of their bytes, behind `after`. */
  async list(prefix: string, after: string, limit: number): Promise<ListedObject[]> {
    return (await this.#page(prefix, { after, limit })).objects;
  }

  async *all(prefix: string): AsyncGenerator<ListedObject> {
    for (let token = ""; ; ) {
      const page = await this.#page(prefix, { token });
      yield* page.objects;
      if (page.next === "") return;
      token = page.next;
    }
  }

  /** @param checked parts come with their SHA-256, which the store verifies; false for copied parts */
  begin(name: string, checked: boolean, signal?: AbortSignal): Promise<string> {
    const headers = {
      "content-type": "application/octet-stream",
      ...(checked ? { "x-amz-checksum-algorithm": "SHA256" } : {}),
    };
    const begin = () => this.#store.s3.initiateNewMultipartUpload(this.name, name, headers);
    return this.#store.call(`beginning ${name}`, begin, { signal });
  }

  putPart(name: string, upload: string, part: number, body: Buffer, signal?: AbortSignal): Promise<StoredPart> {
    const sha256 = createHash("sha256").update(body).digest("base64");
    return this.#store.call(
      `writing part ${part} of ${name}`,
      async () => {
        const headers = { "x-amz-checksum-sha256": sha256 };
        const { headers: answer } = await this.#store.send({
          method: "PUT",
          name,
          query: partQuery(upload, part),
          headers,
          body,
        });
        return { part, etag: answer.etag ?? "", sha256 };
      },
      { signal },
    );
  }

  /** Undefined when there is no source with this ETag. */
  copyPart(
    from: string,
    to: string,
    upload: string,
    part: number,
    { start, end, etag }: { start: number; end: number; etag: string },
  ): Promise<StoredPart | undefined> {
    const headers = {
      "x-amz-copy-source": `/${this.name}/${from}`,
      "x-amz-copy-source-if-match": etag,
      "x-amz-copy-source-range": `bytes=${start}-${end - 1}`,
    };
    return this.#store.call(
      `copying part ${part} of ${from} to ${to}`,
      () =>
        orAbsent(async () => {
          const said = await textOf(
            await this.#store.open({ method: "PUT", name: to, query: partQuery(upload, part), headers }),
          );
          assertDone(said, "CopyPartResult");
          return { part, etag: /<ETag>(.*?)<\/ETag>/.exec(said)?.[1] ?? "", sha256: undefined };
        }),
      { silenceMs: this.#store.silenceMs + (end - start) / COPY_BYTES_PER_MS },
    );
  }

  /** Makes the parts one object. */
  complete(name: string, upload: string, parts: readonly StoredPart[], signal?: AbortSignal): Promise<void> {
    const list = parts.map(
      ({ part, etag, sha256 }) =>
        `<Part><PartNumber>${part}</PartNumber><ETag>${etag.replaceAll('"', "&quot;")}</ETag>${
          sha256 === undefined ? "" : `<ChecksumSHA256>${sha256}</ChecksumSHA256>`
        }</Part>`,
    );
    const body = Buffer.from(`<CompleteMultipartUpload>${list.join("")}</CompleteMultipartUpload>`);
    let isRepeated = false;
    const complete = async () => {
      const query = `uploadId=${encodeURIComponent(upload)}`;
      try {
        assertDone(
          await textOf(await this.#store.open({ method: "POST", name, query, body })),
          "CompleteMultipartUploadResult",
        );
      } catch (reason) {
        // The answer to the first try may have been lost.
        if (!(isRepeated && isAbsent(reason) && (await this.head(name)) !== undefined)) throw reason;
      } finally {
        isRepeated = true;
      }
    };
    return this.#store.call(`completing ${name}`, complete, { signal });
  }

  /** A missing upload is fine. Tried once only. */
  async abandon(name: string, upload: string): Promise<void> {
    const abandon = () =>
      orAbsent(() => this.#store.s3.abortMultipartUpload(this.name, name, encodeURIComponent(upload)));
    await this.#store.call(`abandoning ${name}`, abandon, { tries: 1 });
  }

  /** All multipart uploads under way in the bucket, whosever they are: MinIO lists them all or those of one exact name. */
  async *unfinished(): AsyncGenerator<{ readonly name: string; readonly upload: string; readonly begunMs: number }> {
    for (let name = "", upload = ""; ; ) {
      const page = await this.#store.call("listing unfinished uploads", () =>
        this.#store.s3.listIncompleteUploadsQuery(this.name, "", name, upload, ""),
      );
      for (const { key, uploadId, initiated } of page.uploads)
        yield { name: key, upload: uploadId, begunMs: initiated.getTime() };
      if (!page.isTruncated) return;
      name = page.nextKeyMarker;
      upload = page.nextUploadIdMarker;
    }
  }

  #page(
    prefix: string,
    { token = "", after = "", limit = 1000 }: { token?: string; after?: string; limit?: number },
  ): Promise<{ readonly objects: ListedObject[]; readonly next: string }> {
    return this.#store.call(`listing ${prefix}`, async () => {
      const page = await this.#store.s3.listObjectsV2Query(this.name, prefix, token, "", limit, after);
      const objects = page.objects.flatMap(({ name, size, lastModified }) =>
        name === undefined ? [] : [{ name, size: size ?? 0, modifiedMs: lastModified?.getTime() ?? 0 }],
      );
      return { objects, next: page.isTruncated ? page.nextContinuationToken : "" };
    });
  }
}

function partQuery(upload: string, part: number): string {
  return `partNumber=${part}&uploadId=${encodeURIComponent(upload)}`;
}

async function orAbsent<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (reason) {
    if (isAbsent(reason) || codeOf(reason) === "PreconditionFailed") return undefined;
    throw reason;
  }
}

function hexOf(base64: string): string {
  return Buffer.from(base64, "base64").toString("hex");
}

function base64Of(hex: string): string {
  return Buffer.from(hex, "hex").toString("base64");
}
