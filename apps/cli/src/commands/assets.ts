import type { Asset } from "@heimdex/contracts/v1/asset";
import { HeimdexError } from "@heimdex/errors";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { findAsset } from "../find-asset.ts";
import { allPages } from "../pages.ts";
import { snakeJson } from "../snake-json.ts";
import { shownSource, sourcePath } from "../source-uri.ts";
import { count, printable, table } from "../ui/text.ts";
import { timecode } from "../ui/time.ts";

/** `assets ls` */
export async function listAssets(context: Context): Promise<undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "nothing" });
  const assets: Asset[] = [];
  for await (const asset of allPages(
    (pageToken) => archive.call((api) => api.assets.listAssets({ pageToken, pageSize: 1000 })),
    (page) => page.assets,
  ))
    assets.push(asset);
  terminal.document({ assets: assets.map((asset) => snakeJson(asset)) });
  if (assets.length === 0) terminal.note("The archive is empty. Fill it: heimdex index PATH...");
  const rows = assets.map((asset) => [
    asset.asset,
    asset.durationMs === 0 ? "-" : timecode(asset.durationMs),
    asset.state === "MISSING"
      ? terminal.style.warn("missing")
      : asset.indexedRevision === 0
        ? "not searchable"
        : "searchable",
    asset.stale ? terminal.style.warn("stale") : "",
    `${printable(shownSource(asset.sources[0]?.uri ?? ""))}${asset.sources.length > 1 ? ` (and ${count(asset.sources.length - 1, "copy", "copies")})` : ""}`,
  ]);
  for (const row of table(rows, [1])) terminal.line(row);
  if (assets.some(({ stale }) => stale)) terminal.note("What is stale is brought up to date by: heimdex rerun");
}

/** `assets rm` */
export async function removeAssets(context: Context, names: readonly string[]): Promise<number | undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "nothing" });
  const removed: { asset: string; source: string }[] = [];
  const failures: { asset: string; error: unknown }[] = [];
  const { errorLines } = await import("../error-report.ts");
  for (const name of names) {
    try {
      const asset = await findAsset(archive, name);
      await archive.call((api) => api.assets.deleteAsset({ asset: asset.asset }));
      const source = sourcePath(asset.sources[0]?.uri ?? "");
      removed.push({ asset: asset.asset, source });
      terminal.line(`removed ${asset.asset} (${printable(source)}); the file itself is untouched`);
    } catch (reason) {
      context.signal.throwIfAborted();
      const error = HeimdexError.from(reason);
      failures.push({ asset: name, error: error.toJSON() });
      for (const line of errorLines(error, terminal.noteStyle, context.env)) terminal.note(line);
    }
  }
  terminal.document({ removed, failures });
  return failures.length > 0 ? EXIT_FAILED : undefined;
}
