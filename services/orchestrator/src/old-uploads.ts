import {
  type AssetRecord,
  assetId,
  type Job,
  jobEnded,
  type UploadRecord,
  uploadDocument,
  uploadSort,
} from "@heimdex/kernel";
import type { Blobs, Catalog, Document } from "@heimdex/ports";
import { parseSource } from "@heimdex/sources";

const PAGE = 200;
/** How much longer an upload lives whose job has not ended yet. */
const LONGER_MS = 24 * 3_600_000;

/** Removes uploads whose life is over, with their bytes, unless an asset was made of them, which has them then. One whose job has not ended is left. Repeatable: what a
 * crash left goes with the next call.
 * @returns how many were removed */
export async function dropOldUploads(catalog: Catalog, blobs: Blobs, nowMs: number): Promise<number> {
  let removed = 0;
  for (;;) {
    const first = await catalog.find<UploadRecord>({ collection: "uploads", by: "sort", limit: PAGE });
    const old = first.filter(({ sort }) => sort < uploadSort(nowMs));
    for (const document of old) if (await drop(catalog, blobs, document, nowMs)) removed++;
    if (old.length < PAGE) return removed;
  }
}

/** Whether it was removed with its bytes. */
async function drop(
  catalog: Catalog,
  blobs: Blobs,
  { id, version, body }: Document<UploadRecord>,
  nowMs: number,
): Promise<boolean> {
  const { tenant, sha256, size, upload } = body;
  if (await isInUse(catalog, body)) {
    const longer = { ...body, expiresAtMs: nowMs + LONGER_MS };
    await catalog.write([{ op: "replace", version, ...uploadDocument(longer) }]);
    return false;
  }
  const isKept = await hasUploadedAsset(catalog, tenant, sha256);
  if (!isKept) {
    await blobs.dropUploads(tenant, upload);
    if (body.brought) await blobs.delete({ tenant, sha256, size });
  }
  await catalog.write([{ op: "delete", collection: "uploads", id, version }]);
  return !isKept;
}

async function isInUse(catalog: Catalog, { job }: UploadRecord): Promise<boolean> {
  const state = job === "" ? undefined : (await catalog.get<Job>("jobs", job))?.body.state;
  return state !== undefined && !jobEnded(state);
}

/** Whether an asset has these bytes from an upload: then they are its own. */
async function hasUploadedAsset(catalog: Catalog, tenant: string, sha256: string): Promise<boolean> {
  const asset = await catalog.get<AssetRecord>("assets", assetId(tenant, sha256));
  return asset?.body.sources.some(({ uri }) => parseSource(uri).kind === "upload") === true;
}

/** Notes the job that reads an upload, which keeps it until the job has ended. */
export async function noteUploadJob(catalog: Catalog, id: string, job: string): Promise<void> {
  for (;;) {
    const stored = await catalog.get<UploadRecord>("uploads", id);
    if (stored === undefined) return;
    const document = uploadDocument({ ...stored.body, job });
    const [result] = await catalog.write([{ op: "replace", version: stored.version, ...document }]);
    if (result?.ok === true) return;
  }
}
