import type { AssetRecord } from "@heimdex/kernel";
import { type Catalog, type MomentIndex, readAll } from "@heimdex/ports";
import { changeAsset } from "./asset-document.ts";

const ID = "index-format";

/** Where the index was filled by a program that stored rows otherwise, or analysed words otherwise, it is empty to this one: marks every asset that is
 * in it to be indexed again, from its sidecar. What is marked stays so until it is done, whatever crashes in between.
 * @returns how many assets were marked */
export async function followIndexFormat(catalog: Catalog, { format }: Pick<MomentIndex, "format">): Promise<number> {
  const stored = await catalog.get<{ readonly format: string }>("meta", ID);
  if (stored?.body.format === format) return 0;
  let marked = 0;
  for await (const { id } of readAll<AssetRecord>(catalog, { collection: "assets" })) {
    const changed = await changeAsset(catalog, id, (asset) =>
      asset.indexedRevision > 0 ? { ...asset, indexedRevision: 0 } : undefined,
    );
    if (changed !== undefined) marked++;
  }
  await noteIndexFormat(catalog, { format });
  return marked;
}

/** The index holds every asset that is not marked, stored as this program stores it. */
export async function noteIndexFormat(catalog: Catalog, { format }: Pick<MomentIndex, "format">): Promise<void> {
  await catalog.write([{ op: "put", collection: "meta", id: ID, terms: [], sort: "", body: { format } }]);
}

/** To be called before the index is emptied: whoever starts after a crash takes it for one that is to be filled anew. */
export async function forgetIndexFormat(catalog: Catalog): Promise<void> {
  await catalog.write([{ op: "delete", collection: "meta", id: ID }]);
}
