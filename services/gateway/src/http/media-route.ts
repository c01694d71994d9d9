import { constants, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { HeimdexError } from "@heimdex/errors";
import type { AssetRecord } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";
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
 * @throws HeimdexError INVALID_ARGUMENT, ASSET_NOT_FOUND, SOURCE_CHANGED, SOURCE_UNREADABLE, SOURCE_UNSUPPORTED, SOURCE_MISSING */
export async function serveMedia(
  catalog: Catalog,
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
  const { source, path, handle } = await openFirst(asset);
  try {
    const bytes = {
      size: source.size,
      mediaType: MEDIA_TYPES[extname(path).toLowerCase()] ?? "application/octet-stream",
      tag: asset.fingerprint,
      cacheControl: "private, no-cache", // the file may change: the tag is asked for each time
      open: async ({ start, end }: { start: number; end: number }) => readPart(handle, start, end, asset, source),
    };
    await sendBytes(request, response, bytes, signal);
  } finally {
    await handle.close();
  }
}

async function openFirst(asset: AssetRecord): Promise<{ source: Source; path: string; handle: FileHandle }> {
  let problem: HeimdexError | undefined;
  for (const source of asset.sources) {
    try {
      return { source, ...(await openSource(asset, source)) };
    } catch (reason) {
      const error = HeimdexError.from(reason);
      if (error.id === "INTERNAL") throw error;
      // A changed or unreadable file tells more than a missing copy of it.
      if (problem === undefined || problem.id === "SOURCE_MISSING") problem = error;
    }
  }
  throw (
    problem ?? new HeimdexError("SOURCE_MISSING", `asset ${asset.id} has no source`, { metadata: { asset: asset.id } })
  );
}

async function openSource(asset: AssetRecord, source: Source): Promise<{ path: string; handle: FileHandle }> {
  const metadata = { asset: asset.id, source: source.uri };
  if (!source.uri.startsWith("file://"))
    throw new HeimdexError("SOURCE_UNSUPPORTED", `${source.uri} is no file of this machine`, { metadata });
  const path = fileURLToPath(source.uri);
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK, a named pipe put in the file's place would hold the call for ever.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR")
      throw new HeimdexError("SOURCE_MISSING", `${path} has vanished`, { metadata, cause });
    if (code === "EACCES" || code === "EPERM")
      throw new HeimdexError("SOURCE_UNREADABLE", `${path} cannot be read`, { metadata, cause });
    throw cause;
  }
  try {
    if (isAsIndexed(await handle.stat(), source)) return { path, handle };
    throw changed(asset, source);
  } catch (reason) {
    await handle.close();
    throw reason;
  }
}

function isAsIndexed(now: Stats, source: Source): boolean {
  // Whoever noted the time may have cut its fraction off.
  return now.isFile() && now.size === source.size && Math.abs(now.mtimeMs - source.modifiedMs) < 1;
}

async function* readPart(
  handle: FileHandle,
  start: number,
  end: number,
  asset: AssetRecord,
  source: Source,
): AsyncGenerator<Uint8Array> {
  for (let at = start; at < end; ) {
    const buffer = Buffer.allocUnsafe(Math.min(256 * 1024, end - at));
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    // Looked at before the last bytes go out, so that an answer that ends well is of the asset's own bytes.
    if (at >= end && !isAsIndexed(await handle.stat(), source)) throw changed(asset, source);
    yield buffer.subarray(0, bytesRead);
  }
}

function changed(asset: AssetRecord, source: Source): HeimdexError {
  return new HeimdexError("SOURCE_CHANGED", `${fileURLToPath(source.uri)} is not the file that was indexed any more`, {
    metadata: { asset: asset.id, source: source.uri },
    help: "Index it again.",
  });
}
