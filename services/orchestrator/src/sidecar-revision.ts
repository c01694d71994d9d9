import { HeimdexError } from "@heimdex/errors";
import type { AssetRecord } from "@heimdex/kernel";
import type { Blobs, Catalog, Document } from "@heimdex/ports";
import { readSidecar as readSidecarText, type Sidecar } from "@heimdex/sidecar";
import { writeAsset } from "./asset-document.ts";
import { sameContent } from "./sidecar-builder.ts";

/** What the names of an asset's sidecars begin with. */
export function sidecarFolder(asset: string): string {
  return `sidecars/${asset}/`;
}

/** Name of a sidecar in the blob store. */
export function sidecarName(asset: string, revision: number): string {
  return `${sidecarFolder(asset)}${revision}.json`;
}

/** A revision of an asset's sidecar; undefined when there is none. Throws SIDECAR_INVALID: a form this code would misread, or none. */
export async function readSidecar(
  blobs: Blobs,
  tenant: string,
  asset: string,
  revision: number,
): Promise<Sidecar | undefined> {
  const bytes = revision === 0 ? undefined : await blobs.getNamed(tenant, sidecarName(asset, revision));
  if (bytes === undefined) return undefined;
  try {
    return readSidecarText(Buffer.from(bytes).toString());
  } catch (cause) {
    throw new HeimdexError("SIDECAR_INVALID", `revision ${revision} of ${asset}: ${(cause as Error).message}`, {
      cause,
      metadata: { asset, revision: String(revision) },
      help: "Nothing is written over it. Use the version of Heimdex that wrote it, or delete the asset and index its file again.",
    });
  }
}

/** Writes a revision of an asset's sidecar, and then the asset that names it. Nothing is ever written over a revision: another replica, or one that was killed in
 * between, may have put another of the same number there, and may yet name it. The same in content is taken as it is; beside any other the next number is free.
 * Whoever's asset is written first decides; what the other put down goes.
 * @param next whose revision is the one behind the asset's
 * @param body the asset as it is to be, but for the revision
 * @param stored the asset as it was read; undefined when there was none
 * @returns the revision; undefined when somebody else wrote the asset meanwhile: make it again from what is there now */
export async function writeRevision(
  { catalog, blobs }: { readonly catalog: Catalog; readonly blobs: Blobs },
  next: Sidecar,
  body: AssetRecord,
  stored: Document<AssetRecord> | undefined,
): Promise<number | undefined> {
  const { tenant, id } = body;
  const first = next.revision;
  let revision = first;
  let isOwn = false;
  for (; ; revision++) {
    isOwn = await blobs.createNamed(tenant, sidecarName(id, revision), bytesOf({ ...next, revision }));
    if (isOwn) break;
    if (await isSame(blobs, tenant, next, id, revision)) break;
  }
  const isWritten = await writeAsset(catalog, { ...body, sidecarRevision: revision }, stored);
  if (isWritten) {
    // Nobody can name these any more: the asset is another than the one they were made from.
    for (let left = first; left < revision; left++) await blobs.deleteNamed(tenant, sidecarName(id, left));
    return revision;
  }
  const now = (await catalog.get<AssetRecord>("assets", id))?.body.sidecarRevision;
  if (isOwn && (now === undefined || now > revision)) await blobs.deleteNamed(tenant, sidecarName(id, revision));
  return undefined;
}

async function isSame(blobs: Blobs, tenant: string, next: Sidecar, asset: string, revision: number): Promise<boolean> {
  try {
    const there = await readSidecar(blobs, tenant, asset, revision);
    return there !== undefined && sameContent(there, next);
  } catch (reason) {
    if (HeimdexError.from(reason).id !== "SIDECAR_INVALID") throw reason;
    return false; // of another version, or cut off by another program: it is none of ours
  }
}

function bytesOf(sidecar: Sidecar): Buffer {
  return Buffer.from(`${JSON.stringify(sidecar, undefined, 1)}\n`);
}
