import { createHash } from "node:crypto";
import type { BlobKey } from "@heimdex/ports";

export const TENANT = "acme";
export const MIB = 1024 * 1024;

export function keyOf(bytes: Uint8Array): BlobKey {
  return { tenant: TENANT, sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
}

export async function* stream(bytes: Uint8Array, chunkBytes = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
