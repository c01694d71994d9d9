import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as wait } from "node:timers/promises";
import { backoffMs } from "./backoff.ts";
import { StageFailure } from "./failure.ts";

const MAX_TRIES = 4;

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
  const hash = createHash("sha256");
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
  const bytes = "file" in payload ? createReadStream(payload.file) : Readable.from([payload.bytes]);
  const counted = async function* (parts: AsyncIterable<Uint8Array>) {
    let sent = 0;
    for await (const part of parts) {
      sent += part.length;
      if (sent > size) throw changed(size);
      hash.update(part);
      yield part;
    }
    if (sent < size) throw changed(size);
  };
  const sent = pipeline(bytes, counted, request, { signal }).catch((reason: unknown) => {
    // A server that has answered already may close before all is sent: its answer says more than the broken pipe.
    if (reason instanceof StageFailure) throw reason;
    return answered.then(() => Promise.reject(reason));
  });
  try {
    await Promise.all([sent, answered]);
  } catch (reason) {
    request.destroy();
    throw reason;
  }
  return hash.digest("hex");
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
