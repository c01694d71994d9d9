import { createHash } from "node:crypto";
import type { BlobReference } from "@heimdex/sidecar";

/** How a layer names bytes that the stage puts out on another port. */
export function blobOf(content: Uint8Array, media_type: string): BlobReference {
  return { sha256: createHash("sha256").update(content).digest("hex"), size: content.length, media_type };
}

/** JSON Lines, UTF-8. */
export function jsonLines(lines: readonly object[]): Uint8Array {
  return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
}
