import type { Blobs } from "@heimdex/ports";
import { type BlobReference, layersOf, type Sidecar, type Space } from "@heimdex/sidecar";

/** The vector, of length 1, of a keyframe or a face, and the clip it is of. */
export interface Sight {
  readonly clip: string;
  readonly vector: Float32Array;
}

/** The keyframes of a clip. */
export async function keyframesOf(clip: string, sidecar: Sidecar, blobs: Blobs): Promise<Sight[]> {
  const layers = layersOf(sidecar, "embeddings").map(({ items, space, vectors }) => ({
    rows: items.filter((item) => item.of === "keyframe").map(({ vector }) => vector),
    space,
    vectors,
  }));
  return sightsOf(clip, layers, blobs);
}

/** The faces of a clip. */
export async function facesOf(clip: string, sidecar: Sidecar, blobs: Blobs): Promise<Sight[]> {
  const layers = layersOf(sidecar, "faces").map(({ items, space, vectors }) => ({
    rows: items.flatMap(({ vector }) => (vector === undefined ? [] : [vector])),
    space,
    vectors,
  }));
  return sightsOf(clip, layers, blobs);
}

interface Layer {
  readonly rows: readonly number[];
  readonly space: Space | undefined;
  readonly vectors: BlobReference | undefined;
}

async function sightsOf(clip: string, layers: readonly Layer[], blobs: Blobs): Promise<Sight[]> {
  const sights: Sight[] = [];
  for (const { rows, space, vectors } of layers) {
    if (space === undefined || vectors === undefined) continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of await blobs.get({ tenant: "default", ...vectors })) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const matrix = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    for (const row of rows) {
      const vector = matrix.slice(row * space.dimension, (row + 1) * space.dimension);
      const length = Math.hypot(...vector);
      sights.push({ clip, vector: vector.map((each) => each / length) });
    }
  }
  return sights;
}

export function cosine(a: Sight, b: Sight): number {
  return a.vector.reduce((sum, each, at) => sum + each * (b.vector[at] ?? 0), 0);
}

/** Of the sights whose clip has others: how many are nearest to one of these, and how many there are. */
export function nearestOfSameClip(sights: readonly Sight[]): { readonly right: number; readonly of: number } {
  let [right, of] = [0, 0];
  for (const sight of sights) {
    const others = sights.filter((other) => other !== sight);
    if (!others.some(({ clip }) => clip === sight.clip)) continue;
    const nearest = others.reduce((best, other) => (cosine(sight, other) > cosine(sight, best) ? other : best));
    of += 1;
    if (nearest.clip === sight.clip) right += 1;
  }
  return { right, of };
}
