import { once } from "node:events";
import { createReadStream } from "node:fs";
import * as http from "node:http";
import * as https from "node:https";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as delay } from "node:timers/promises";
import { ERRORS, type ErrorId, HeimdexError } from "@heimdex/errors";
import { z } from "zod";
import type { Endpoint } from "./endpoint.ts";

/** As the gateway's HTTP answers, as far as it is read here. */
const gatewayError = z.object({
  error: z.object({ message: z.string(), details: z.array(z.object({ reason: z.string().optional() })) }),
});

const MAX_TRIES = 4;
const FIRST_PAUSE_MS = 1_000;

export interface SentFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** @param sent bytes so far */
  readonly progress: (sent: number) => void;
}

/** Puts a file to a URL. A line that drops, or a server that cannot just now, is tried again from the file's beginning.
 * @throws HeimdexError what the gateway answers; BLOB_STORE_REFUSED, UNAVAILABLE */
export async function sendFile(
  url: URL,
  file: SentFile,
  tls: Endpoint["tls"] | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 1; ; failures++) {
    try {
      return await sendOnce(url, file, tls, signal);
    } catch (reason) {
      signal.throwIfAborted();
      const error = reason instanceof HeimdexError ? reason : lost(url, reason);
      if (error.code !== "UNAVAILABLE" || failures >= MAX_TRIES) throw error;
      await delay(FIRST_PAUSE_MS * 2 ** (failures - 1), undefined, { signal });
    }
  }
}

async function sendOnce(
  url: URL,
  { path, size, progress }: SentFile,
  tls: Endpoint["tls"] | undefined,
  signal: AbortSignal,
): Promise<void> {
  const options = { method: "PUT", headers: { "content-length": size }, signal };
  const shown = { cert: tls?.clientCert, key: tls?.clientKey?.reveal() };
  const request = url.protocol === "https:" ? https.request(url, { ...options, ...shown }) : http.request(url, options);
  const answered = once(request, "response") as Promise<[http.IncomingMessage]>;
  answered.catch(() => {}); // it is waited for below
  let sent = 0;
  const counted = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      yield chunk;
      sent += chunk.length;
      progress(sent);
    }
  };
  // A server that refuses may answer, and close, before all is sent: what it says tells more than the line that broke.
  const sending = pipeline(createReadStream(path, { highWaterMark: 256 * 1024 }), counted, request, { signal }).catch(
    (reason: unknown) => reason,
  );
  const response = await Promise.race([
    answered,
    sending.then((reason) => (reason === undefined ? answered : Promise.race([answered, later(reason)]))),
  ]);
  const [{ statusCode = 0 }] = response;
  const body = await text(response[0]);
  if (statusCode < 200 || statusCode > 299) throw refusal(url, statusCode, body);
}

/** The answer to what was sent may be on its way when the line breaks. */
async function later(reason: unknown): Promise<never> {
  await delay(500);
  throw reason;
}

function lost({ host }: URL, cause: unknown): HeimdexError {
  const { message = String(cause) } = cause as Error;
  return new HeimdexError("UNAVAILABLE", `${host}, where the file is to be sent, cannot be reached: ${message}`, {
    cause,
    help: "Where the gateway's HTTP is reached, its HEIMDEX_HTTP_PUBLIC_URL says; where the store is, HEIMDEX_BLOBS_PUBLIC_ENDPOINT.",
  });
}

/** What the gateway says in JSON, or a store in XML. */
function refusal({ host }: URL, status: number, body: string): HeimdexError {
  const { id, said } = fromGateway(body);
  if (Object.hasOwn(ERRORS, id)) return new HeimdexError(id as ErrorId, said);
  const [, code = ""] = /<Code>([^<]*)<\/Code>/.exec(body) ?? [];
  const message = `${host} does not take the file: ${status}${code === "" ? "" : ` ${code}`}`;
  return new HeimdexError(
    status >= 500 || status === 408 || status === 429 ? "UNAVAILABLE" : "BLOB_STORE_REFUSED",
    message,
  );
}

/** Id and message of an error in JSON; "" where it is none. */
function fromGateway(body: string): { readonly id: string; readonly said: string } {
  try {
    const { error } = gatewayError.parse(JSON.parse(body));
    return { id: error.details[0]?.reason ?? "", said: error.message };
  } catch {
    return { id: "", said: "" }; // the status says that it failed
  }
}
