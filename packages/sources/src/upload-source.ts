import { HeimdexError } from "@heimdex/errors";
import type { BlobKey, Blobs } from "@heimdex/ports";
import type { SourceFacts } from "./source-facts.ts";
import type { SourcePlace } from "./source-uri.ts";

export type UploadPlace = SourcePlace & { readonly kind: "upload" };

/** The blob that holds a film which was uploaded. */
export function uploadBlob(tenant: string, { sha256, size }: UploadPlace): BlobKey {
  return { tenant, sha256, size };
}

/** Throws SOURCE_NOT_FOUND. */
export async function statUpload(blobs: Blobs, tenant: string, place: UploadPlace): Promise<SourceFacts> {
  if (await blobs.has(uploadBlob(tenant, place))) return { size: place.size, modifiedMs: 0, tag: place.sha256 };
  throw new HeimdexError("SOURCE_NOT_FOUND", `${place.name} has not been uploaded, or is gone`, {
    metadata: { source: place.uri },
    help: "Upload it: UploadService.CreateUpload, or `heimdex index FILE` from where it lies.",
  });
}
