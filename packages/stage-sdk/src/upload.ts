import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { type ClientRequest, request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { setTimeout as wait } from "node:timers/promises";
import { backoffMs } from "./backoff.ts";
import { StageFailure } from "./failure.ts";

const MAX_TRIES = 4;
const BUFFER_BYTES = 256 * 1024;

/** What is to be brought: bytes in memory or a file. */
export type Payload = { readonly bytes: Uint8Array } | { readonly file: string };

/** PUTs bytes to a signed URL, and says their SHA-256 as it was sent. Tries four times.
 * Rejects with a StageFailure: OUTPUT_CHANGED when a file has not the size it had, UPLOAD_FAILED (RETRYABLE) when the server does not take it. */
export async function upload(url: string, payload: Payload, size: number, signal: AbortSignal): Promise<string> {
  for (let failures = 1; ; failures++) {
    try {
      return await put(url, payload, size, signal);
    } catch (reason) {
      signal.throwIfAborted();
      if (reason instanceof StageFailure) throw reason;
      if (failures >= MAX_TRIES || (reason instanceof PutRefused && reason.final)) {
        throw new StageFailure(
          "RETRYABLE",
          "UPLOAD_FAILED",
          `An output could not be sent: ${(reason as Error).message}`,
          {
            help: "It is tried again. Check that the worker reaches the server's HTTP address.",
            cause: reason,
          },
        );
      }
      await wait(backoffMs(failures), undefined, { signal });
    }
  }
}

class PutRefused extends Error {
  readonly final: boolean;

  constructor(status: number, answer: string) {
    super(`HTTP status ${status}${answer === "" ? "" : `: ${answer}`}`);
    this.final = status < 500 && status !== 408 && status !== 429;
  }
}

/** `node:http` rather than fetch: fetch sends streams in chunks, and stores want a Content-Length. */
async function put(url: string, payload: Payload, size: number, signal: AbortSignal): Promise<string> {
  const target = new URL(url);
  const send = target.protocol === "https:" ? httpsRequest : httpRequest;
  const headers = { "content-length": size, "content-type": "application/octet-stream" };
  const request = send(target, { method: "PUT", headers, signal });
  const answered = new Promise<void>((resolve, reject) => {
    request.once("error", reject);
    request.once("response", async (response) => {
      try {
        const chunks: Buffer[] = [];
        for await (const chunk of response) chunks.push(chunk as Buffer);
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) resolve();
        else reject(new PutRefused(status, Buffer.concat(chunks).toString().slice(0, 300)));
      } catch (reason) {
        reject(reason as Error);
      }
    });
  });
  const sent = write(request, payload, size).catch((reason: unknown) => {
    // A server that has answered already may close before all is sent: its answer says more than the broken pipe.
    if (reason instanceof StageFailure) throw reason;
    return answered.then(() => Promise.reject(reason));
  });
  try {
    const [sha256] = await Promise.all([sent, answered]);
    return sha256;
  } catch (reason) {
    request.destroy();
    throw reason;
  }
}

/** Writes the body, piece by piece through one buffer: a stream would leave each of its pieces to the collector, which lets tens of MiB gather. */
async function write(request: ClientRequest, payload: Payload, size: number): Promise<string> {
  const hash = createHash("sha256");
  let sent = 0;
  for await (const part of piecesOf(payload)) {
    sent += part.length;
    if (sent > size) throw changed(size);
    hash.update(part);
    await new Promise<void>((resolve, reject) => request.write(part, (error) => (error ? reject(error) : resolve())));
  }
  if (sent < size) throw changed(size);
  request.end();
  return hash.digest("hex");
}

/** Each piece holds only until the next one is asked for. */
async function* piecesOf(payload: Payload): AsyncGenerator<Uint8Array> {
  if ("bytes" in payload) {
    if (payload.bytes.length > 0) yield payload.bytes;
    return;
  }
  await using file = await open(payload.file);
  const buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES);
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, BUFFER_BYTES, null);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

function changed(size: number): StageFailure {
  return new StageFailure(
    "TERMINAL",
    "OUTPUT_CHANGED",
    `An output file changed while it was sent: it had ${size} bytes.`,
    {
      help: "The stage must have finished writing a file before it returns it.",
    },
  );
}
