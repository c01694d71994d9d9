import { createHash } from "node:crypto";
import { endianness } from "node:os";
import { type MomentSource, momentsOf } from "@heimdex/search";
import { type EmbeddingItem, LAYER_VERSION, type StageLayer } from "@heimdex/sidecar";
import type { TextEmbedder } from "./text-embedder.ts";

/** Of a moment's words that mean something, at least this share must be known, or the vector stands for the accidental rest:
 * other languages, and letters read off a pattern. */
const MIN_KNOWN_SHARE = 0.5;

export interface MomentVectors {
  readonly layer: StageLayer<"embeddings">;
  /** Row-major little-endian float32; undefined when there is no vector. */
  readonly bytes: Uint8Array | undefined;
}

/** A vector for each moment in which the model knows what is said, written or described. An item's `id` is its moment's. */
export function momentVectors(source: MomentSource, embedder: TextEmbedder): MomentVectors {
  const items: EmbeddingItem[] = [];
  const rows: Float32Array[] = [];
  for (const moment of momentsOf(source)) {
    const { vector, known, unknown } = embedder.embed(`${moment.spoken}\n${moment.written}\n${moment.described}`);
    if (vector === undefined || known.length < MIN_KNOWN_SHARE * (known.length + unknown.length)) continue;
    const { id, start_ms, end_ms } = moment;
    items.push({ id, start_ms, end_ms, of: "moment", vector: rows.length });
    rows.push(vector);
  }
  const { space } = embedder;
  const layer = { kind: "embeddings" as const, version: LAYER_VERSION.embeddings as 1, items, space };
  if (rows.length === 0) return { layer, bytes: undefined };
  const bytes = matrix(rows, space.dimension);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  return {
    layer: { ...layer, vectors: { sha256, size: bytes.length, media_type: "application/octet-stream" } },
    bytes,
  };
}

function matrix(rows: readonly Float32Array[], dimension: number): Uint8Array {
  const floats = new Float32Array(rows.length * dimension);
  for (const [i, row] of rows.entries()) floats.set(row, i * dimension);
  const bytes = Buffer.from(floats.buffer);
  return endianness() === "LE" ? bytes : bytes.swap32();
}
