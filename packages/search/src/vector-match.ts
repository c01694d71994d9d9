/** A vector's span and row, as an `embeddings` layer lists them. */
export interface SpannedVector {
  readonly start_ms: number;
  readonly end_ms: number;
  /** Row of the layer's matrix. */
  readonly vector: number;
}

/** The vector that stands for a moment: the one of the same span, else the one that overlaps it most, by half of either at least. The
 * spans differ where a layer came after the vectors were made (a transcript somebody wrote moves the cuts).
 * @param vectors in order of time, without overlap
 * @returns undefined when none fits: such a moment is found by its words alone */
export function vectorFor<V extends SpannedVector>(
  moment: { readonly start_ms: number; readonly end_ms: number },
  vectors: readonly V[],
): V | undefined {
  let best: V | undefined;
  let most = 0;
  for (const vector of vectors) {
    const overlap = Math.min(moment.end_ms, vector.end_ms) - Math.max(moment.start_ms, vector.start_ms);
    if (overlap > most) {
      most = overlap;
      best = vector;
    }
  }
  if (best === undefined) return undefined;
  const shorter = Math.min(moment.end_ms - moment.start_ms, best.end_ms - best.start_ms);
  return most * 2 >= shorter ? best : undefined;
}
