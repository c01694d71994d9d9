import { HeimdexError } from "@heimdex/errors";
import { type AssetRecord, type SourceRecord, sourceId } from "@heimdex/kernel";
import type { Catalog, Document } from "@heimdex/ports";

/** The asset's document. @throws HeimdexError ASSET_NOT_FOUND, for another tenant's too */
export async function readAsset(catalog: Catalog, tenant: string, id: string): Promise<Document<AssetRecord>> {
  const document = await catalog.get<AssetRecord>("assets", id);
  if (document === undefined || document.body.tenant !== tenant)
    throw new HeimdexError("ASSET_NOT_FOUND", `there is no asset ${id}`, { metadata: { asset: id } });
  return document;
}

/** The tenant's asset that has a source of exactly this URI, if any. */
export async function assetOfSource(
  catalog: Catalog,
  tenant: string,
  uri: string,
): Promise<Document<AssetRecord> | undefined> {
  const source = await catalog.get<SourceRecord>("sources", sourceId(tenant, uri));
  if (source === undefined || source.body.tenant !== tenant || source.body.asset === "") return undefined;
  const document = await catalog.get<AssetRecord>("assets", source.body.asset);
  // The file may have been replaced since: then the asset has let go of the source, whatever the note says.
  return document?.body.sources.some((known) => known.uri === uri) ? document : undefined;
}
