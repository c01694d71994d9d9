import { existsSync } from "node:fs";
import type { Asset } from "@heimdex/contracts/v1/asset";
import { HeimdexError } from "@heimdex/errors";
import type { Archive } from "./archive.ts";
import { allPages } from "./pages.ts";
import { sourceUri } from "./source-uri.ts";

/** The asset that an id, the beginning of one (at least 4 characters after `a_`) or the path of its file stands for.
 * @throws HeimdexError ASSET_NOT_FOUND, INVALID_ARGUMENT when several ids begin so */
export async function findAsset(archive: Archive, text: string): Promise<Asset> {
  const atPath = (await archive.call((api) => api.assets.listAssets({ sourceUri: sourceUri(text) }))).assets[0];
  if (atPath !== undefined) return atPath;
  if (/^a_[0-9a-f]{16}$/.test(text)) return archive.call((api) => api.assets.getAsset({ asset: text }));
  const matching: Asset[] = [];
  if (/^a_[0-9a-f]{4,}$/.test(text)) {
    for await (const asset of allPages(
      (pageToken) => archive.call((api) => api.assets.listAssets({ pageToken, pageSize: 1000 })),
      ({ assets }) => assets,
    ))
      if (asset.asset.startsWith(text)) matching.push(asset);
  }
  if (matching.length > 1) {
    throw new HeimdexError(
      "INVALID_ARGUMENT",
      `several assets begin with ${text}: ${matching
        .map(({ asset }) => asset)
        .slice(0, 5)
        .join(", ")}`,
      {
        help: "Give more of the id.",
      },
    );
  }
  const found = matching[0];
  if (found !== undefined) return found;
  if (existsSync(text)) {
    throw new HeimdexError("ASSET_NOT_FOUND", `${text} has not been indexed`, {
      help: "Index it first: `heimdex index PATH`.",
    });
  }
  throw new HeimdexError("ASSET_NOT_FOUND", `there is no asset ${text}, and no file of that name`);
}
