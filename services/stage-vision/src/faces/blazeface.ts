import { distinct, overlap, type Rect } from "../picture/overlap.ts";
import type { Pixel } from "../picture/parts.ts";

/** Side of the square BlazeFace looks at, in pixels. */
export const BLAZEFACE_SIDE = 256;
/** Values of one anchor: centre x, y, width, height, then six points. */
const VALUES = 16;
const POINTS = 6;

/** Pixels between anchors, and how many lie on each spot: 16 x 16 x 2, then 8 x 8 x 6 (MediaPipe's ssd_anchors of face detection, back camera). */
const GRIDS = [
  { stride: 16, each: 2 },
  { stride: 32, each: 6 },
] as const;

/** What BlazeFace found, in pixels of its square. */
export interface BlazeFace extends Rect {
  readonly confidence: number;
  /** Eye, eye, nose tip, middle of the mouth, ear, ear; the left ones in the picture first. */
  readonly points: readonly Pixel[];
}

/** What the net gives for one grid: a logit for each anchor, and 16 values for each, offsets from the anchor in pixels. */
export interface BlazeGrid {
  readonly logits: Float32Array;
  readonly values: Float32Array;
}

/** Two boxes with more in common are one face (MediaPipe's min_suppression_threshold). */
const SAME_FACE = 0.3;

/** Faces of the net's raw outputs, the surest first, each once.
 * @param grids stride 16, then stride 32
 * @param minConfidence 0..1 */
export function blazeFaces(grids: readonly [BlazeGrid, BlazeGrid], minConfidence: number): BlazeFace[] {
  const all: BlazeFace[] = [];
  for (const [n, { stride, each }] of GRIDS.entries()) {
    const { logits, values } = grids[n] as BlazeGrid;
    const across = BLAZEFACE_SIDE / stride;
    for (const [i, logit] of logits.entries()) {
      const confidence = 1 / (1 + Math.exp(-logit));
      if (!(confidence >= minConfidence)) continue;
      const spot = Math.floor(i / each);
      const anchorX = stride * ((spot % across) + 0.5);
      const anchorY = stride * (Math.floor(spot / across) + 0.5);
      const at = (k: number) => values[i * VALUES + k] as number;
      const [w, h] = [at(2), at(3)];
      const points = Array.from(
        { length: POINTS },
        (_, k): Pixel => [at(4 + 2 * k) + anchorX, at(5 + 2 * k) + anchorY],
      );
      all.push({ x: at(0) + anchorX - w / 2, y: at(1) + anchorY - h / 2, w, h, confidence, points });
    }
  }
  return distinct(all, (kept, other) => overlap(kept, other) > SAME_FACE);
}
