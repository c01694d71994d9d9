import { HeimdexError } from "@heimdex/errors";
import { type UploadRecord, uploadDocument, uploadRecordId } from "@heimdex/kernel";
import type { BlobKey, Catalog, Document } from "@heimdex/ports";

/** The record of an upload; undefined when there is none, or its life is over. */
export async function readUpload(
  catalog: Catalog,
  tenant: string,
  upload: string,
): Promise<Document<UploadRecord> | undefined> {
  const document = await catalog.get<UploadRecord>("uploads", uploadRecordId(tenant, upload));
  return document !== undefined && document.body.expiresAtMs > Date.now() ? document : undefined;
}

export async function writeUpload(catalog: Catalog, body: UploadRecord): Promise<void> {
  await catalog.write([{ op: "put", ...uploadDocument(body) }]);
}

/** Notes that the bytes are there and came by this upload. Says how its record is then. */
export async function settleUpload(catalog: Catalog, body: UploadRecord): Promise<UploadRecord> {
  const settled: UploadRecord = { ...body, present: true, brought: true };
  await writeUpload(catalog, settled);
  return settled;
}

/** The blob that an upload becomes. */
export function blobOf({ tenant, sha256, size }: UploadRecord): BlobKey {
  return { tenant, sha256, size };
}

/** What came is not what was announced. */
export function corrupt({ upload, name }: UploadRecord, cause: unknown): HeimdexError {
  return new HeimdexError("UPLOAD_CORRUPT", `what came as ${name} is not what was announced`, {
    cause,
    metadata: { upload },
  });
}
