import { createHash, randomBytes } from "node:crypto";

let lastMs = 0;
let counter = 0;

/** Id that sorts by time: prefix, 48 bits of Unix ms, 16 bits of counter, 48 random bits, as hex. */
export function timeOrderedId(prefix: string, nowMs: number): string {
  const ms = Math.max(nowMs, lastMs);
  counter = ms === lastMs ? counter + 1 : 0;
  lastMs = ms;
  return `${prefix}_${ms.toString(16).padStart(12, "0")}${(counter & 0xffff).toString(16).padStart(4, "0")}${randomBytes(6).toString("hex")}`;
}

export function sha256Hex(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}
