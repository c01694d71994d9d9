import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import type { AssetRecord } from "@heimdex/kernel";
import type { ByteRange, Catalog } from "@heimdex/ports";
import { type Sources, sourceName } from "@heimdex/sources";
import { readAsset } from "../asset-reader.ts";
import { Violations } from "../violations.ts";
import { sendBytes } from "./send-bytes.ts";

type Source = AssetRecord["sources"][number];

/** What players need to hear to try at all; anything else goes as bytes. */
const MEDIA_TYPES: Readonly<Record<string, string>> = {
  ".mp4": "video/mp4",
  ".m4v": "video/mp4",
  ".mov": "video/quicktime",
  ".mkv": "video/x-matroska",
  ".webm": "video/webm",
  ".avi": "video/x-msvideo",
  ".mpg": "video/mpeg",
  ".mpeg": "video/mpeg",
  ".ts": "video/mp2t",
  ".mts": "video/mp2t",
  ".m2ts": "video/mp2t",
  ".ogv": "video/ogg",
  ".mp3": "audio/mpeg",
  ".m4a": "audio/mp4",
  ".aac": "audio/aac",
  ".wav": "audio/wav",
  ".flac": "audio/flac",
  ".ogg": "audio/ogg",
  ".opus": "audio/ogg",
};

/** `GET /v1/assets/{asset}/media`: the bytes of the asset's source, from the first one that is there and is as it was when it was indexed.
 * @throws HeimdexError INVALID_ARGUMENT, ASSET_NOT_FOUND, SOURCE_MISSING; what reading a source rejects with */
export async function serveMedia(
  catalog: Catalog,
  sources: Sources,
  tenant: string,
  id: string,
  request: IncomingMessage,
  response: ServerResponse,
  signal: AbortSignal,
): Promise<void> {
  const violations = new Violations();
  violations.id("asset", id);
  violations.throwIfAny();
  const { body: asset } = await readAsset(catalog, tenant, id);
  const source = await firstThere(sources, asset, signal);
  const bytes = {
    size: source.size,
    mediaType: MEDIA_TYPES[extname(sourceName(source.uri)).toLowerCase()] ?? "application/octet-stream",
    tag: asset.fingerprint,
    cacheControl: "private, no-cache", // the file may change: the tag is asked for each time
    open: (range: ByteRange, stop: AbortSignal) => sources.read(tenant, source.uri, source, range, stop),
  };
  await sendBytes(request, response, bytes, signal);
}

async function firstThere(sources: Sources, asset: AssetRecord, signal: AbortSignal): Promise<Source> {
  let problem: HeimdexError | undefined;
  for (const source of asset.sources) {
    try {
      await sources.assertUnchanged(asset.tenant, source.uri, source, signal);
      return source;
    } catch (reason) {
      signal.throwIfAborted();
      const error = inWordsOfAssets(HeimdexError.from(reason), asset, source);
      if (error.id === "INTERNAL") throw error;
      // A changed or unreadable file tells more than a missing copy of it.
      if (problem === undefined || problem.id === "SOURCE_MISSING") problem = error;
    }
  }
  throw (
    problem ?? new HeimdexError("SOURCE_MISSING", `asset ${asset.id} has no source`, { metadata: { asset: asset.id } })
  );
}

function inWordsOfAssets(error: HeimdexError, asset: AssetRecord, source: Source): HeimdexError {
  const options = { cause: error, metadata: { asset: asset.id, source: source.uri } };
  const name = sourceName(source.uri);
  if (error.id === "SOURCE_NOT_FOUND") return new HeimdexError("SOURCE_MISSING", `${name} has vanished`, options);
  // What is no film any more, such as a folder or a web page, has changed, too.
  if (error.id !== "SOURCE_CHANGED" && error.id !== "SOURCE_UNSUPPORTED") return error;
  const message = `${name} is not the file that was indexed any more`;
  return new HeimdexError("SOURCE_CHANGED", message, { ...options, help: "Index it again." });
}
