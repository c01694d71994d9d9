import { HeimdexError } from "@heimdex/errors";
import type { Blobs } from "@heimdex/ports";

/** A store that has not answered by then is away. */
const LATE_MS = 3_000;
const NOTHING = { tenant: "default", sha256: "0".repeat(64), size: 0 };

/** Whether the blob store does not answer just now. Workers read their inputs from it and upload what is large: what failed meanwhile says nothing of the step. */
export async function isStoreAway(blobs: Blobs): Promise<boolean> {
  const late = Promise.withResolvers<true>();
  const timer = setTimeout(() => late.resolve(true), LATE_MS);
  const asked = blobs.has(NOTHING).then(
    () => false,
    (reason: unknown) => HeimdexError.from(reason).id === "BLOB_UNAVAILABLE",
  );
  try {
    return await Promise.race([asked, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
