import type { AssetRecord } from "@heimdex/kernel";
import { type Catalog, type MomentIndex, readAll } from "@heimdex/ports";
import { changeAsset } from "./asset-document.ts";

const ID = "index-format";

/** How rows are stored in the index, and who wrote it last; no writer where one host alone has it. */
interface Filled {
  readonly format: string;
  readonly writer?: string;
}

/** Where the index was filled by a program that stored rows otherwise, or analysed words otherwise, it is empty to this one; where somebody wrote last of whom the
 * catalog knows nothing, it was emptied or lost. Then every asset that is in it is marked to be indexed again, from its sidecar. What is marked stays so until
 * it is done, whatever crashes in between.
 * @param before who wrote the index last, before this process fenced it; undefined where it did not
 * @returns how many assets were marked */
export async function followIndexFormat(
  catalog: Catalog,
  { format, writer }: Pick<MomentIndex, "format" | "writer">,
  before?: string,
): Promise<number> {
  const stored = (await catalog.get<Filled>("meta", ID))?.body;
  const now = before === undefined ? stored?.writer : writer;
  let marked = 0;
  if (stored?.format !== format || (before !== undefined && before !== (stored.writer ?? "")))
    for await (const { id } of readAll<AssetRecord>(catalog, { collection: "assets" })) {
      const changed = await changeAsset(catalog, id, (asset) =>
        asset.indexedRevision > 0 ? { ...asset, indexedRevision: 0 } : undefined,
      );
      if (changed !== undefined) marked++;
    }
  if (stored?.format !== format || stored.writer !== now) await noteIndexFormat(catalog, format, now);
  return marked;
}

/** The index holds every asset that is not marked, stored as this program stores it. */
export async function noteIndexFormat(catalog: Catalog, format: string, writer: string | undefined): Promise<void> {
  const body: Filled = { format, ...(writer === undefined ? {} : { writer }) };
  await catalog.write([{ op: "put", collection: "meta", id: ID, terms: [], sort: "", body }]);
}

/** To be called before the index is emptied: whoever comes after a crash takes it for one that is to be filled anew. */
export async function forgetIndexFormat(catalog: Catalog): Promise<void> {
  await catalog.write([{ op: "delete", collection: "meta", id: ID }]);
}
