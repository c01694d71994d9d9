import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { Upload_State } from "@heimdex/contracts/v1/upload";
import type { Archive } from "./archive.ts";
import type { Context } from "./context.ts";
import { sourceProblem } from "./media-files.ts";
import { sendFile } from "./send-file.ts";

/** What an upload is at: bytes of the file that were read for its digest, or sent. */
export type UploadProgress = (what: "reading" | "sending", done: number, total: number) => void;

/** Port of the gateway's HTTP where nothing else is said. */
const HTTP_PORT = 8480;

/** Brings a file of this machine to the server, unless its bytes are there already. Says what CreateJob takes.
 * @throws HeimdexError what the calls throw; SOURCE_NOT_FOUND, SOURCE_UNREADABLE */
export async function uploadFilm(
  context: Context,
  archive: Archive,
  path: string,
  progress: UploadProgress,
): Promise<string> {
  const { signal } = context;
  const { size, sha256 } = await digestOf(path, progress, signal);
  const announce = { name: basename(path), size, sha256 };
  const upload = await archive.call((api) => api.uploads.createUpload(announce, { signal }));
  if (upload.state === Upload_State.PRESENT) return upload.sourceUri;
  const send = { path, size, progress: (sent: number) => progress("sending", sent, size) };
  await sendFile(new URL(upload.url, httpOf(context, archive)), send, context.endpoint?.tls, signal);
  const complete = { upload: upload.upload };
  return (await archive.call((api) => api.uploads.completeUpload(complete, { signal }))).sourceUri;
}

/** Where the gateway serves HTTP: for URLs that are paths. */
function httpOf({ endpoint }: Context, archive: Archive): string {
  const { http } = archive.platform.address;
  if (endpoint === undefined) return `http://${http}`;
  const { protocol, hostname } = new URL(
    endpoint.address.includes("://") ? endpoint.address : `http://${endpoint.address}`,
  );
  return `${protocol}//${hostname}:${HTTP_PORT}`;
}

async function digestOf(path: string, progress: UploadProgress, signal: AbortSignal) {
  try {
    const { size } = await stat(path);
    const hash = createHash("sha256");
    let done = 0;
    for await (const chunk of createReadStream(path, { signal, highWaterMark: 1024 * 1024 })) {
      hash.update(chunk as Buffer);
      done += (chunk as Buffer).length;
      progress("reading", done, size);
    }
    return { size: done, sha256: hash.digest("hex") };
  } catch (reason) {
    signal.throwIfAborted();
    throw sourceProblem(path, reason);
  }
}
