import { connectedComponents } from "./components.ts";
import { minAreaRect } from "./min-area-rect.ts";
import { distance, orderCorners, type Pixel, type Quad, quadSize } from "./quad.ts";

/** How a probability map becomes boxes. Liao et al., "Real-time Scene Text Detection with Differentiable Binarization"
 * (AAAI 2020), with the defaults of PaddleOCR's inference tools for PP-OCRv4 (`tools/infer/utility.py`). */
export interface DbOptions {
  /** A pixel belongs to a text's core above this. Default 0.3. */
  readonly threshold?: number;
  /** Boxes whose mean probability is lower are dropped. Default 0.6. */
  readonly boxThreshold?: number;
  /** The network is trained on shrunken texts: grow by area x ratio / perimeter. Default 1.5. */
  readonly unclipRatio?: number;
  /** Most patches that are looked at, the largest first. Default 1 000. */
  readonly maxCandidates?: number;
}

export interface DbBox {
  /** In pixels of the map; corners may lie outside it. */
  readonly quad: Quad;
  /** Mean probability within the core, 0..1. */
  readonly score: number;
}

/** Shortest side of a text's core, and of the grown box less 2, in pixels of the map; less is noise. */
const MIN_SIDE = 3;

/** Text boxes of the detector's map.
 * @param map `width * height` probabilities, row by row */
export function dbBoxes(map: Float32Array, width: number, height: number, options: DbOptions = {}): DbBox[] {
  const { threshold = 0.3, boxThreshold = 0.6, unclipRatio = 1.5, maxCandidates = 1000 } = options;
  let components = connectedComponents(map, width, height, threshold);
  if (components.length > maxCandidates) {
    components = components.sort((a, b) => b.area - a.area).slice(0, maxCandidates);
  }

  const boxes: DbBox[] = [];
  for (const { outline } of components) {
    const core = orderCorners(minAreaRect(outline));
    const coreSize = trueSize(core);
    if (Math.min(coreSize.width, coreSize.height) < MIN_SIDE) continue;
    const score = meanInside(map, width, height, core);
    if (score < boxThreshold) continue;
    const quad = grow(core, unclipRatio);
    const { width: w, height: h } = quadSize(quad);
    if (Math.min(w, h) < MIN_SIDE + 2) continue;
    boxes.push({ quad, score });
  }
  return boxes;
}

const trueSize = (quad: Quad) => ({ width: distance(quad[0], quad[1]), height: distance(quad[0], quad[3]) });

/** A rectangle with each side moved out by area x ratio / perimeter. (Vatti's clipping with round joins, as PaddleOCR does
 * it for any polygon, has this as its smallest rectangle.) */
export function grow(rectangle: Quad, ratio: number): Quad {
  const { width, height } = trueSize(rectangle);
  if (width === 0 || height === 0) return rectangle;
  const by = (width * height * ratio) / (2 * (width + height));
  const [a, b, , d] = rectangle;
  const along = { x: ((b.x - a.x) / width) * by, y: ((b.y - a.y) / width) * by };
  const down = { x: ((d.x - a.x) / height) * by, y: ((d.y - a.y) / height) * by };
  const move = (p: Pixel, s: number, t: number): Pixel => ({
    x: p.x + s * along.x + t * down.x,
    y: p.y + s * along.y + t * down.y,
  });
  const [, , c] = rectangle;
  return [move(a, -1, -1), move(b, 1, -1), move(c, 1, 1), move(d, -1, 1)];
}

/** Mean of the map over the pixels whose centres lie within a convex quad or on its edge. */
export function meanInside(map: Float32Array, width: number, height: number, quad: Quad): number {
  const top = Math.max(0, Math.ceil(Math.min(...quad.map((p) => p.y)) - EDGE));
  const bottom = Math.min(height - 1, Math.floor(Math.max(...quad.map((p) => p.y)) + EDGE));
  let sum = 0;
  let count = 0;
  for (let y = top; y <= bottom; y++) {
    let [left, right] = [Infinity, -Infinity];
    for (let i = 0; i < 4; i++) {
      const a = quad[i] as Pixel;
      const b = quad[(i + 1) % 4] as Pixel;
      if (y < Math.min(a.y, b.y) - EDGE || y > Math.max(a.y, b.y) + EDGE) continue;
      const t = Math.abs(b.y - a.y) < EDGE ? undefined : Math.min(1, Math.max(0, (y - a.y) / (b.y - a.y)));
      for (const x of t === undefined ? [a.x, b.x] : [a.x + t * (b.x - a.x)]) {
        left = Math.min(left, x);
        right = Math.max(right, x);
      }
    }
    for (let x = Math.max(0, Math.ceil(left - EDGE)); x <= Math.min(width - 1, Math.floor(right + EDGE)); x++) {
      sum += map[y * width + x] as number;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}

/** Corners come out of rotations: a pixel on the edge must not fall to rounding. */
const EDGE = 1e-6;
