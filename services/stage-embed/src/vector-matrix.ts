import { createHash } from "node:crypto";
import { endianness } from "node:os";
import { type EmbeddingItem, LAYER_VERSION, type Space, type StageLayer } from "@heimdex/sidecar";

/** Values of the ports `embeddings` and `vectors`. */
export type EmbeddingOutputs = {
  readonly embeddings: StageLayer<"embeddings">;
  /** Row-major little-endian float32; absent when there is no vector. */
  readonly vectors?: { readonly bytes: Uint8Array } | undefined;
};

/** The layer of embeddings and its matrix. Items that share a vector (the same object) share its row.
 * @param made items without their row, in order of time, each with its vector */
export function embeddingOutputs(
  space: Space,
  made: readonly { readonly item: Omit<EmbeddingItem, "vector">; readonly vector: Float32Array }[],
): EmbeddingOutputs {
  const rows = new Map<Float32Array, number>();
  const items = made.map(({ item, vector }): EmbeddingItem => {
    const row = rows.get(vector) ?? rows.size;
    rows.set(vector, row);
    return { ...item, vector: row } as EmbeddingItem;
  });
  const layer = { kind: "embeddings" as const, version: LAYER_VERSION.embeddings as 1, items, space };
  if (rows.size === 0) return { embeddings: layer };
  const bytes = matrix([...rows.keys()], space.dimension);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const vectors = { sha256, size: bytes.length, media_type: "application/octet-stream" };
  return { embeddings: { ...layer, vectors }, vectors: { bytes } };
}

function matrix(rows: readonly Float32Array[], dimension: number): Uint8Array {
  const floats = new Float32Array(rows.length * dimension);
  for (const [i, row] of rows.entries()) floats.set(row, i * dimension);
  const bytes = Buffer.from(floats.buffer);
  return endianness() === "LE" ? bytes : bytes.swap32();
}
