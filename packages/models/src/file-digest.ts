import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import type { FileDigest } from "./model-lock.ts";

/** Size and SHA-256 of a file. */
export async function digestOf(file: string, signal?: AbortSignal): Promise<FileDigest> {
  const { sha256, size } = await digestsOf(file, signal);
  return { sha256, size };
}

/** The same, and git's name for the content: SHA-1 over `blob `, the size, a zero byte and the content (git-hash-object), which is what a
 * hub states of files it keeps in git itself. */
export async function digestsOf(file: string, signal?: AbortSignal): Promise<FileDigest & { gitOid: string }> {
  const sha256 = createHash("sha256");
  const sha1 = createHash("sha1").update(`blob ${(await stat(file)).size}\0`);
  let size = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20, signal })) {
    sha256.update(chunk as Buffer);
    sha1.update(chunk as Buffer);
    size += (chunk as Buffer).length;
  }
  return { sha256: sha256.digest("hex"), size, gitOid: sha1.digest("hex") };
}
