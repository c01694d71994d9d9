import { createHash } from "node:crypto";
import type { BlobKey, UploadKey } from "./blobs.ts";

export const TENANT = "acme";
export const MIB = 1024 * 1024;

export function keyOf(bytes: Uint8Array, tenant = TENANT): BlobKey {
  return { tenant, sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
}

/** Bytes that differ at every place, so that a range off by one is seen. */
export function pattern(size: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(size);
  let state = seed;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> 16;
  }
  return bytes;
}

export async function* stream(bytes: Uint8Array, chunk = 64 * 1024): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunk) yield bytes.subarray(at, at + chunk);
}

/** Gives some bytes, then fails as a lost connection does. */
export async function* broken(bytes: Uint8Array, error: Error): AsyncGenerator<Uint8Array> {
  yield* stream(bytes);
  throw error;
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Uint8Array.from(Buffer.concat(all));
}

export const text = (value: string) => new TextEncoder().encode(value);
export const upload = (n: number, attempt = "at-1_A", tenant = TENANT): UploadKey => ({ tenant, attempt, n });
/** Of a URL that a test does not outlive. */
export const LONG_MS = 600_000;
export const NOTHING = { cas: 0, uploads: 0, sidecars: 0 };
