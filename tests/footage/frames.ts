import type { Blobs } from "@heimdex/ports";
import { layersOf, type Sidecar } from "@heimdex/sidecar";

/** A keyframe's vector, of length 1, and the clip it is of. */
export interface Frame {
  readonly clip: string;
  readonly vector: Float32Array;
}

/** The vectors of a clip's keyframes. */
export async function framesOf(clip: string, sidecar: Sidecar, blobs: Blobs): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (const { items, space, vectors } of layersOf(sidecar, "embeddings")) {
    if (space === undefined || vectors === undefined) continue;
    const chunks: Uint8Array[] = [];
    for await (const chunk of await blobs.get({ tenant: "default", ...vectors })) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    const matrix = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    for (const item of items) {
      if (item.of !== "keyframe") continue;
      const vector = matrix.slice(item.vector * space.dimension, (item.vector + 1) * space.dimension);
      const length = Math.hypot(...vector);
      frames.push({ clip, vector: vector.map((each) => each / length) });
    }
  }
  return frames;
}

/** Of the frames whose clip has others: how many are nearest to one of these, and how many there are. */
export function nearestOfSameClip(frames: readonly Frame[]): { readonly right: number; readonly of: number } {
  let [right, of] = [0, 0];
  for (const frame of frames) {
    const others = frames.filter((other) => other !== frame);
    if (!others.some(({ clip }) => clip === frame.clip)) continue;
    const nearest = others.reduce((best, other) => (cosine(frame, other) > cosine(frame, best) ? other : best));
    of += 1;
    if (nearest.clip === frame.clip) right += 1;
  }
  return { right, of };
}

const cosine = (a: Frame, b: Frame) => a.vector.reduce((sum, each, at) => sum + each * (b.vector[at] ?? 0), 0);
