import { HeimdexError } from "@heimdex/errors";
import { type AssetRecord, type SourceRecord, sourceId } from "@heimdex/kernel";
import type { Catalog, Document } from "@heimdex/ports";
import { tenantOf } from "./tenant.ts";

/** The asset's document. @throws HeimdexError ASSET_NOT_FOUND */
export async function readAsset(catalog: Catalog, id: string): Promise<Document<AssetRecord>> {
  const document = await catalog.get<AssetRecord>("assets", id);
  if (document === undefined || document.body.tenant !== tenantOf())
    throw new HeimdexError("ASSET_NOT_FOUND", `there is no asset ${id}`, { metadata: { asset: id } });
  return document;
}

/** The asset that has a source of exactly this URI, if any. */
export async function assetOfSource(catalog: Catalog, uri: string): Promise<Document<AssetRecord> | undefined> {
  const source = await catalog.get<SourceRecord>("sources", sourceId(tenantOf(), uri));
  if (source === undefined || source.body.tenant !== tenantOf() || source.body.asset === "") return undefined;
  const document = await catalog.get<AssetRecord>("assets", source.body.asset);
  // The file may have been replaced since: then the asset has let go of the source, whatever the note says.
  return document?.body.sources.some((known) => known.uri === uri) ? document : undefined;
}
