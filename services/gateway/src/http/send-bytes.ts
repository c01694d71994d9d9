import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { HeimdexError } from "@heimdex/errors";
import type { ByteRange } from "@heimdex/ports";
import { matchesTag, parseRange } from "./byte-range.ts";
import { HttpError } from "./http-error.ts";

/** Longest body whose length is stated before it. */
const MAX_STATED_BYTES = 32 * 1024 ** 2;

export interface Bytes {
  readonly size: number;
  readonly mediaType: string;
  /** Strong tag without its quotes: names these very bytes. */
  readonly tag: string;
  readonly cacheControl: string;
  /** Opens a part; called at most once, and not for HEAD. */
  open(range: ByteRange, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>>;
}

/** Answers GET and HEAD for bytes of known size: ranges (206, 416), `If-None-Match` (304), `If-Range`.
 * What is served may have come from anywhere, so nothing of it may run: the browser must neither guess a type nor give it our origin's rights. */
export async function sendBytes(
  request: IncomingMessage,
  response: ServerResponse,
  bytes: Bytes,
  signal: AbortSignal,
): Promise<void> {
  const etag = `"${bytes.tag}"`;
  const headers = {
    etag,
    "accept-ranges": "bytes",
    "cache-control": bytes.cacheControl,
    "content-security-policy": "sandbox; default-src 'none'",
  };
  if (matchesTag(request.headers["if-none-match"], etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  const conditional = request.headers["if-range"];
  const usable = request.method === "GET" && (conditional === undefined || conditional === etag);
  const range = parseRange(usable ? request.headers.range : undefined, bytes.size);
  if (range.kind === "unsatisfiable") {
    const error = new HeimdexError("BLOB_RANGE_INVALID", `there are only ${bytes.size} bytes`, {
      metadata: { size: String(bytes.size) },
    });
    throw new HttpError(416, error, { "content-range": `bytes */${bytes.size}`, "accept-ranges": "bytes" });
  }
  const { start, end } = range.kind === "part" ? range : { start: 0, end: bytes.size };
  // Opened before the status goes out: what cannot be opened is an error with a name, not a broken connection.
  const chunks = request.method === "HEAD" ? undefined : await bytes.open({ start, end }, signal);
  response.writeHead(range.kind === "part" ? 206 : 200, {
    ...headers,
    "content-type": bytes.mediaType,
    // Cloud Run ends an answer that states a greater length; what comes in chunks it passes on.
    ...(chunks !== undefined && end - start > MAX_STATED_BYTES ? {} : { "content-length": end - start }),
    ...(range.kind === "part" ? { "content-range": `bytes ${start}-${end - 1}/${bytes.size}` } : {}),
  });
  if (chunks === undefined) response.end();
  else await pipeline(Readable.from(exactly(chunks, end - start)), response, { signal });
}

/** Fails, and so breaks the connection, when fewer or more bytes come than were promised: a client must not take them for whole. */
async function* exactly(chunks: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const chunk of chunks) {
    sent += chunk.length;
    if (sent > size) break;
    yield chunk;
  }
  if (sent !== size) throw new HeimdexError("SOURCE_CHANGED", `${sent} bytes came where ${size} were promised`);
}
