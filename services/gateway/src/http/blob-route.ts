import type { IncomingMessage, ServerResponse } from "node:http";
import { HeimdexError } from "@heimdex/errors";
import type { Blobs } from "@heimdex/ports";
import { Violations } from "../violations.ts";
import { sendBytes } from "./send-bytes.ts";

/** Types a link may ask for: none of them is run by a browser. */
const MEDIA_TYPES = ["application/octet-stream", "application/json", "image/jpeg", "image/png", "audio/wav"];

/** `GET /v1/blobs/{sha256}?size=BYTES[&type=MEDIA_TYPE]`: a blob of the tenant. Size and digest together name a blob, as they do in sidecars.
 * @throws HeimdexError INVALID_ARGUMENT, BLOB_NOT_FOUND */
export async function serveBlob(
  blobs: Blobs,
  tenant: string,
  sha256: string,
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const size = query.get("size") ?? "";
  const mediaType = query.get("type") ?? "application/octet-stream";
  const violations = new Violations();
  violations.check(/^[0-9a-f]{64}$/.test(sha256), "sha256", "must be 64 lower-case hexadecimal digits");
  violations.check(
    /^\d{1,16}$/.test(size) && Number.isSafeInteger(Number(size)),
    "size",
    "must be the blob's size in bytes",
  );
  violations.check(MEDIA_TYPES.includes(mediaType), "type", `must be one of ${MEDIA_TYPES.join(", ")}`);
  for (const key of new Set(query.keys())) {
    violations.check(key === "size" || key === "type", key, "is no field of this request");
    violations.check(query.getAll(key).length === 1, key, "is given twice");
  }
  violations.throwIfAny();
  const key = { tenant, sha256, size: Number(size) };
  if (!(await blobs.has(key)))
    throw new HeimdexError("BLOB_NOT_FOUND", `there is no blob ${sha256} of ${size} bytes`, {
      metadata: { sha256, size },
    });
  const bytes = {
    size: key.size,
    mediaType,
    tag: sha256,
    cacheControl: "private, max-age=31536000, immutable",
    open: (range: { start: number; end: number }, stop: AbortSignal) => blobs.get(key, range, stop),
  };
  await sendBytes(request, response, bytes, signal);
}
