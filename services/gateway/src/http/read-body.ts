import type { IncomingMessage } from "node:http";
import { HeimdexError } from "@heimdex/errors";
import { HttpError } from "./http-error.ts";

/** Largest request body, bytes: that of a gRPC message. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;
/** A body above this is cut off, bytes. */
const MAX_UNREAD_BYTES = 64 * 1024 * 1024;

/** The JSON text of a request's body. Only `application/json` is taken: a form on a foreign page cannot send that without asking first.
 * @throws HttpError 413, 415; HeimdexError INVALID_ARGUMENT */
export async function readBody(request: IncomingMessage): Promise<string> {
  const type = request.headers["content-type"]?.split(";", 1)[0]?.trim().toLowerCase();
  if (type !== "application/json")
    throw new HttpError(
      415,
      new HeimdexError("INVALID_ARGUMENT", "the body must be sent with content-type application/json"),
    );
  const encoding = request.headers["content-encoding"] ?? "identity";
  if (encoding !== "identity")
    throw new HttpError(
      415,
      new HeimdexError("INVALID_ARGUMENT", `content-encoding ${encoding.slice(0, 50)} is not taken`),
    );
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    // Read on, but keep nothing: a connection cut while the caller still writes would take the answer with it.
    if (size <= MAX_BODY_BYTES) chunks.push(chunk);
    else if (size > MAX_UNREAD_BYTES) break;
  }
  if (size > MAX_BODY_BYTES)
    throw new HttpError(413, new HeimdexError("INVALID_ARGUMENT", `the body exceeds ${MAX_BODY_BYTES} bytes`));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause;
    throw new HeimdexError("INVALID_ARGUMENT", "the body is not UTF-8", { cause });
  }
}
