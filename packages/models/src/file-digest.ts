import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { FileDigest } from "./model-lock.ts";

/** Size and SHA-256 of a file. */
export async function digestOf(file: string, signal?: AbortSignal): Promise<FileDigest> {
  const hash = createHash("sha256");
  let size = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal })) {
    hash.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { sha256: hash.digest("hex"), size };
}
