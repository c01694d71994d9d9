import type { IncomingMessage, ServerResponse } from "node:http";
import { HeimdexError } from "@heimdex/errors";
import { readUploadId } from "@heimdex/kernel";
import type { Blobs, Catalog } from "@heimdex/ports";
import { blobOf, corrupt, readUpload, settleUpload } from "../uploads.ts";
import { HttpError } from "./http-error.ts";

/** A sender that is silent for so long is gone, ms. */
const SILENCE_MS = 60_000;

/** `PUT /v1/uploads/{upload}`: takes an upload's bytes, where the store has no URL for them, and compares them with what was announced.
 * @throws HeimdexError UPLOAD_NOT_FOUND, UPLOAD_CORRUPT, DISK_FULL; HttpError 411, 413 */
export async function receiveUpload(
  catalog: Catalog,
  blobs: Blobs,
  tenant: string,
  upload: string,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const announced = readUploadId(upload);
  const stored = announced === undefined ? undefined : await readUpload(catalog, tenant, upload);
  if (stored === undefined)
    throw new HeimdexError("UPLOAD_NOT_FOUND", `there is no upload ${upload.slice(0, 128)}`, {
      metadata: { upload: upload.slice(0, 128) },
    });
  const { body } = stored;
  checkLength(request, body.size);
  request.setTimeout(SILENCE_MS, () => request.destroy());
  try {
    await blobs.put(blobOf(body), request, signal);
  } catch (reason) {
    const error = HeimdexError.from(reason);
    if (error.id !== "BLOB_DIGEST_MISMATCH") throw reason;
    throw corrupt(body, reason);
  }
  await settleUpload(catalog, body);
  response.writeHead(204).end();
}

function checkLength({ headers }: IncomingMessage, size: number): void {
  const length = headers["content-length"];
  if (length !== undefined && Number(length) === size) return;
  const status = length === undefined ? 411 : Number(length) > size ? 413 : 400;
  const description = `must be ${size}, as was announced`;
  throw new HttpError(
    status,
    new HeimdexError("INVALID_ARGUMENT", `content-length ${description}`, {
      fields: [{ field: "content-length", description }],
    }),
  );
}
