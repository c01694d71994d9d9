import { createHash } from "node:crypto";
import { HeimdexError } from "@heimdex/errors";
import type { Bucket } from "./bucket.ts";

/** No tenant's name begins with a dot, so this is nobody's. */
const CHECKS = ".heimdex/check/";

/** Creates the bucket when it is missing, and does once with an object of its own what is done with blobs, so that a missing permission is told at
 * start and not by the first film. Other objects are not looked at.
 * @throws HeimdexError BLOB_STORE_REFUSED, BLOB_UNAVAILABLE, DISK_FULL */
export async function checkBucket(bucket: Bucket): Promise<void> {
  if (!(await bucket.exists())) await bucket.create();
  const name = `${CHECKS}${crypto.randomUUID()}`;
  const copy = `${name}.copy`;
  const bytes = Buffer.from(name);
  try {
    await bucket.put(name, bytes, createHash("sha256").update(bytes).digest("hex"));
    const facts = await bucket.head(name);
    const reading = await bucket.get(name, { start: 0, end: bytes.length });
    const chunks: Buffer[] = [];
    for await (const chunk of reading ?? []) chunks.push(chunk as Buffer);
    if (facts?.size !== bytes.length || !Buffer.concat(chunks).equals(bytes)) throw forgetful(bucket.name);
    if (!(await bucket.copy(name, copy, facts))) throw forgetful(bucket.name);
    await bucket.abandon(name, await bucket.begin(name, true));
  } finally {
    await bucket.remove(copy);
    await bucket.remove(name);
  }
}

function forgetful(bucket: string): HeimdexError {
  return new HeimdexError("BLOB_UNAVAILABLE", `bucket ${bucket}: what was just written does not come back`, {
    help: "Look after the store: it must give at once what was written, as S3 does.",
    metadata: { bucket },
  });
}
