import { type Bound, receive, type Stored } from "@heimdex/ports";
import type { Bucket, StoredPart } from "./bucket.ts";

/** Bytes held in memory for one stream, and sent at once. S3 takes parts from 5 MiB on, and at most 10,000 of them. */
const PART_BYTES = 8 * 1024 * 1024;
const MAX_PARTS = 10_000;
/** Largest object of S3. */
const MAX_OBJECT_BYTES = 5 * 1024 ** 4;

/** Writes a stream to an object, hashing it on the way: in one request when it is no longer than a part, else part by part. The store verifies the
 * SHA-256 of each request's body, and an object of parts comes into being only when its last request says so. So the SHA-256 reckoned here over the
 * same bytes is that of the object, though the store itself states only one of the parts' sums.
 * @param verify throws when what came is not to be kept; called before anything appears under `name`
 * @throws what `receive` does, what `verify` throws, and what Bucket rejects with */
export async function receiveTo(
  bucket: Bucket,
  name: string,
  bytes: AsyncIterable<Uint8Array>,
  bound: Bound,
  verify: (stored: Stored) => void,
  signal: AbortSignal | undefined,
): Promise<Stored> {
  const partBytes = Math.max(PART_BYTES, Math.ceil(Math.min(bound.maxBytes, MAX_OBJECT_BYTES) / MAX_PARTS));
  let held: Buffer[] = [];
  let heldBytes = 0;
  let upload: string | undefined;
  const parts: StoredPart[] = [];
  const sendPart = async () => {
    const body = Buffer.concat(held, heldBytes);
    held = [];
    heldBytes = 0;
    upload ??= await bucket.begin(name, true, signal);
    parts.push(await bucket.putPart(name, upload, parts.length + 1, body, signal));
  };
  const take = async (chunk: Uint8Array) => {
    for (let at = 0; at < chunk.length; ) {
      // Only when more has come: what fits into one part needs no multipart upload.
      if (heldBytes === partBytes) await sendPart();
      // A copy: the source may use its buffer again.
      const piece = Buffer.from(chunk.subarray(at, at + partBytes - heldBytes));
      held.push(piece);
      heldBytes += piece.length;
      at += piece.length;
    }
  };
  try {
    const stored = await receive(bytes, bound, take, signal);
    verify(stored);
    if (upload === undefined) await bucket.put(name, Buffer.concat(held, heldBytes), stored.sha256, signal);
    else {
      await sendPart();
      await bucket.complete(name, upload, parts, signal);
    }
    return stored;
  } catch (reason) {
    // What the caller is to hear is why it failed. Parts that cannot be removed now are found by `dropStaleUploads`.
    const abandoned = upload === undefined ? undefined : bucket.abandon(name, upload).catch(() => undefined);
    if (!signal?.aborted) await abandoned; // whoever aborts does not want to wait for the store
    throw reason;
  }
}
