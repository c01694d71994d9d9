import { HeimdexError } from "@heimdex/errors";
import { momentsOf } from "@heimdex/search";
import { readSidecar } from "@heimdex/sidecar";
import type { Archive } from "./archive.ts";
import { findAsset } from "./find-asset.ts";
import { resultOfLastSearch } from "./last-search.ts";
import { sidecarText } from "./sidecar-text.ts";
import { parseTime, timecode } from "./ui/time.ts";
import { UsageError } from "./usage-error.ts";

/** The id of the moment that a number of the last search, ASSET@TIME or an id stands for.
 * @throws UsageError where the last search has no such number; HeimdexError ASSET_NOT_FOUND, MOMENT_NOT_FOUND */
export async function findMoment(archive: Archive, text: string, signal: AbortSignal): Promise<string> {
  if (/^\d+$/.test(text)) return momentOfResult(archive, Number(text));
  const at = text.lastIndexOf("@");
  const ms = at < 0 ? undefined : parseTime(text.slice(at + 1));
  if (ms === undefined) return text;
  const { asset } = await findAsset(archive, text.slice(0, at));
  const sidecar = readSidecar(JSON.parse(await sidecarText(archive, asset, 0, signal)));
  const moments = momentsOf({ asset, media: sidecar.media, layers: sidecar.layers });
  const moment = moments.find(({ start_ms, end_ms }) => start_ms <= ms && ms < end_ms);
  if (moment !== undefined) return moment.id;
  throw new HeimdexError("MOMENT_NOT_FOUND", `${text.slice(0, at)} ends before ${timecode(ms)}`, {
    metadata: { asset },
    help: "Give an earlier time.",
  });
}

async function momentOfResult(archive: Archive, number: number): Promise<string> {
  const { moment } = await resultOfLastSearch(archive.root, number);
  if (moment === undefined) throw new UsageError("the last search was made by an older version", "Search again.");
  return moment;
}
