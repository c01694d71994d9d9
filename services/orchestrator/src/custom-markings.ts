import { type AssetRecord, customLayerPorts, type StageRecord } from "@heimdex/kernel";
import { type Catalog, readAll } from "@heimdex/ports";
import { type CustomField, customFields } from "@heimdex/search";
import type { Sidecar } from "@heimdex/sidecar";
import { changeAsset, layerTerm } from "./asset-document.ts";

const ID = "custom-markings";

/** An asset with more kinds of custom layers counts as one that has any kind: its document has room for so many. */
const MOST_KINDS = 64;
const ANY_KIND = "*";

/** What is searched of each kind of custom layer, as text that compares. */
type Markings = Readonly<Record<string, string>>;

/** Where a stage has been registered that marks other fields of its layer to be searched than before, the index holds what was marked then: marks the assets that have
 * the layer to be indexed again, from their sidecars. No stage runs for it. What is marked stays so until it is done, whatever crashes in between.
 * The caller sees to it that nobody writes into the index meanwhile. Says which assets are to be indexed again. */
export async function followMarkings(catalog: Catalog, stages: readonly StageRecord[]): Promise<string[]> {
  const now = markingsOf(stages);
  const before = (await catalog.get<Markings>("meta", ID))?.body ?? {};
  const changed = Object.keys(now).filter((kind) => now[kind] !== before[kind]);
  if (changed.length === 0) return [];
  const found = new Set<string>();
  for (const kind of [...changed, ANY_KIND])
    for await (const { id } of readAll<AssetRecord>(catalog, { collection: "assets", term: layerTerm(kind) }))
      found.add(id);
  for (const id of found) await changeAsset(catalog, id, (asset) => ({ ...asset, indexedRevision: 0 }));
  await catalog.write([{ op: "put", collection: "meta", id: ID, terms: [], sort: "", body: { ...before, ...now } }]);
  return [...found];
}

/** Kinds of the custom layers of a sidecar, as the asset's document has them. */
export function customKinds({ layers }: Sidecar): string[] {
  const kinds = [...new Set(layers.map(({ kind }) => kind).filter((kind) => kind.includes(".")))].sort();
  return kinds.length > MOST_KINDS ? [ANY_KIND] : kinds;
}

function markingsOf(stages: readonly StageRecord[]): Markings {
  const ports = customLayerPorts(stages);
  const fields = Map.groupBy(customFields(ports), ({ kind }) => kind);
  const written = (field: CustomField) => JSON.stringify([field.path, field.search]);
  return Object.fromEntries(
    ports.map(({ schema }) => [schema, (fields.get(schema) ?? []).map(written).sort().join("\n")]),
  );
}
