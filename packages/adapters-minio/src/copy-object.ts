import type { Bucket, ObjectFacts, StoredPart } from "./bucket.ts";

/** Most bytes S3 copies in one request. */
export const MAX_COPY_BYTES = 5 * 1024 ** 3;
const PART_BYTES = 1024 ** 3;

/** Copies an object within the store, in parts where it is too large for one request. False when there is none with this ETag (any more).
 * @param limit largest copy in one request; @param partBytes of a copied part, at least 5 MiB */
export async function copyObject(
  bucket: Bucket,
  from: string,
  to: string,
  facts: ObjectFacts,
  { limit, partBytes }: { limit: number; partBytes: number } = { limit: MAX_COPY_BYTES, partBytes: PART_BYTES },
): Promise<boolean> {
  const { size, etag } = facts;
  if (size <= limit) return bucket.copy(from, to, facts);
  const upload = await bucket.begin(to, false);
  const parts: StoredPart[] = [];
  try {
    for (let start = 0; start < size; start += partBytes) {
      const range = { start, end: Math.min(size, start + partBytes), etag };
      const part = await bucket.copyPart(from, to, upload, parts.length + 1, range);
      if (part === undefined) {
        await bucket.abandon(to, upload);
        return false;
      }
      parts.push(part);
    }
    await bucket.complete(to, upload, parts);
    return true;
  } catch (reason) {
    // What the caller is to hear is why it failed. Parts that cannot be removed now are found by `dropStaleUploads`.
    await bucket.abandon(to, upload).catch(() => undefined);
    throw reason;
  }
}
