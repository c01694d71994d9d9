import { type AssetRecord, planTerm, presentTerm, spaceTerms } from "@heimdex/kernel";
import type { Catalog, Document } from "@heimdex/ports";
import { TO_TELL } from "./job-document.ts";

/** Assets whose newest indexed sidecar has a custom layer of that kind. */
export const layerTerm = (kind: string): string => `layer:${kind}`;

/** Words an asset is found by in the catalog. */
function assetTerms(asset: AssetRecord): string[] {
  const { tenant, spaces, sources, plan } = asset;
  // What is nowhere to be read cannot be run again: nothing waits for it, and it is not stale.
  const isPresent = sources.some((source) => !source.missing);
  return [
    `tenant:${tenant}`,
    ...(asset.indexedRevision < asset.sidecarRevision ? ["indexing"] : []),
    ...(asset.toTellMs === undefined ? [] : [TO_TELL]),
    ...(isPresent ? [presentTerm(tenant)] : []),
    ...(isPresent && plan !== undefined ? [planTerm(tenant, plan)] : []),
    ...(isPresent && spaces !== undefined ? spaceTerms(tenant, spaces) : []),
    ...(asset.layers ?? []).map(layerTerm),
  ];
}

/** Writes an asset over what was read. False when somebody else wrote it meanwhile.
 * @param stored what was read; undefined when there was none */
export async function writeAsset(
  catalog: Catalog,
  body: AssetRecord,
  stored: Document<AssetRecord> | undefined,
): Promise<boolean> {
  const sort = String(body.createdAtMs).padStart(16, "0");
  const common = { collection: "assets", id: body.id, terms: assetTerms(body), sort, body } as const;
  const [result] = await catalog.write([
    stored === undefined ? { op: "insert", ...common } : { op: "replace", version: stored.version, ...common },
  ]);
  return result?.ok === true;
}

/** Changes an asset as it now is. Says how it is then; undefined when there is none, or `change` finds nothing to do. */
export async function changeAsset(
  catalog: Catalog,
  id: string,
  change: (asset: AssetRecord) => AssetRecord | undefined,
): Promise<AssetRecord | undefined> {
  for (;;) {
    const stored = await catalog.get<AssetRecord>("assets", id);
    const body = stored === undefined ? undefined : change(stored.body);
    if (body === undefined) return undefined;
    if (await writeAsset(catalog, body, stored)) return body;
  }
}

/** Notes that a source no longer holds the asset's bytes. The asset stays, with all that is known of it. */
export async function markMissing(catalog: Catalog, asset: string, uri: string): Promise<void> {
  await changeAsset(catalog, asset, (body) => {
    if (!body.sources.some((source) => source.uri === uri && !source.missing)) return undefined;
    return {
      ...body,
      sources: body.sources.map((source) => (source.uri === uri ? { ...source, missing: true } : source)),
    };
  });
}
