import { once } from "node:events";
import { existsSync } from "node:fs";
import { HeimdexError } from "@heimdex/errors";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { dataRoot } from "../data-root.ts";
import { stateFolder } from "../endpoint.ts";
import { findAsset } from "../find-asset.ts";
import { resultOfLastSearch } from "../last-search.ts";
import { browserCommand, type Command, launch, playerCommand, shellQuoted } from "../player.ts";
import { isUri, sourcePath } from "../source-uri.ts";
import { printable } from "../ui/text.ts";
import { parseTime, timecode } from "../ui/time.ts";

interface Place {
  readonly asset: string;
  readonly path: string;
  readonly startMs: number;
}

/** `open`: in a player that can start at a time, else in the browser; what is no file here, and what a browser plays, through the gateway's media URL. Of a gateway elsewhere
 * files are there: one of the same path on this machine is taken for the same. */
export async function open(context: Context, what: string, options: { print?: boolean }): Promise<undefined> {
  const place = /^\d+$/.test(what) ? await placeOfResult(context, Number(what)) : await placeOfAsset(context, what);
  const isHere = !isUri(place.path) && existsSync(place.path);
  if (!isHere && !isUri(place.path) && context.endpoint === undefined) {
    throw new HeimdexError("SOURCE_MISSING", `${place.path} is not there any more`, {
      metadata: { asset: place.asset },
    });
  }
  const player = isHere ? playerCommand(place.path, place.startMs, context.env) : undefined;
  if (player !== undefined) return finish(context, place, player, "", options);
  await using archive = await Archive.open(context, { needs: "nothing" });
  const bytes = await mediaUrl(archive, place.asset, context.endpoint !== undefined);
  const url = `${bytes}#t=${place.startMs / 1000}`;
  const playing = isHere ? undefined : playerCommand(bytes, place.startMs, context.env);
  await finish(context, place, playing ?? browserCommand(url, context.env), url, options);
  if (options.print === true || archive.platform.host === undefined) return;
  context.terminal.note("heimdex: serving the media until Ctrl-C, as no `heimdex up` runs");
  if (!context.signal.aborted) await once(context.signal, "abort");
}

/** Where an asset's bytes are read without a key, which a browser and a player have no way to show. */
async function mediaUrl(archive: Archive, asset: string, isElsewhere: boolean): Promise<string> {
  const { http, key } = archive.platform.address;
  const media = `/v1/assets/${asset}/media`;
  if (!isElsewhere && key === "") return `http://${http}${media}`;
  const { paths, baseUrl } = await archive.call((api) => api.assets.signPaths({ paths: [media] }));
  if (isElsewhere && baseUrl === "")
    throw new HeimdexError("CONFIG_INVALID", "the gateway does not know where its films are read over HTTP", {
      help: "Tell it by HEIMDEX_HTTP_PUBLIC_URL (in deploy/compose: HEIMDEX_PUBLIC_URL).",
    });
  return `${isElsewhere ? baseUrl : `http://${http}`}${paths[0]}`;
}

async function finish(
  { terminal }: Context,
  place: Place,
  command: Command | undefined,
  url: string,
  options: { print?: boolean },
): Promise<undefined> {
  const ran = options.print !== true && command !== undefined;
  terminal.document({
    asset: place.asset,
    source: place.path,
    start_ms: place.startMs,
    command: command ?? [],
    url,
    ran,
  });
  if (options.print === true) terminal.line(url !== "" || command === undefined ? url : shellQuoted(command));
  else if (command === undefined) {
    terminal.line(`No player (mpv, vlc, ffplay) and no browser was found. Open this address:\n${url}`);
  } else {
    await launch(command);
    terminal.line(`opened ${printable(place.path)} at ${timecode(place.startMs)}: ${printable(shellQuoted(command))}`);
  }
}

async function placeOfResult(context: Context, number: number): Promise<Place> {
  const { data, endpoint, env } = context;
  const root = endpoint === undefined ? dataRoot(data, env) : await stateFolder(endpoint, env);
  const result = await resultOfLastSearch(root, number);
  return { asset: result.asset, path: result.source, startMs: result.at_ms ?? result.start_ms };
}

async function placeOfAsset(context: Context, what: string): Promise<Place> {
  const at = what.lastIndexOf("@");
  const startMs = at < 0 ? 0 : parseTime(what.slice(at + 1));
  // A name may hold an @ of its own.
  const name = at < 0 || startMs === undefined ? what : what.slice(0, at);
  await using archive = await Archive.open(context, { needs: "nothing" });
  const asset = await findAsset(archive, name);
  const source = asset.sources.find(({ missing }) => !missing) ?? asset.sources[0];
  return { asset: asset.asset, path: sourcePath(source?.uri ?? ""), startMs: startMs ?? 0 };
}
