/** A point in pixels, origin at the top left, y down. */
export interface Pixel {
  readonly x: number;
  readonly y: number;
}

/** Corners of a text line, clockwise as seen: top left, top right, bottom right, bottom left. */
export type Quad = readonly [Pixel, Pixel, Pixel, Pixel];

export const distance = (a: Pixel, b: Pixel): number => Math.hypot(a.x - b.x, a.y - b.y);

/** Lengths of the longer of each two opposite sides, in pixels. */
export function quadSize(quad: Quad): { width: number; height: number } {
  const [a, b, c, d] = quad;
  return {
    width: Math.max(distance(a, b), distance(d, c)),
    height: Math.max(distance(a, d), distance(b, c)),
  };
}

/** Four corners in any order to top left, top right, bottom right, bottom left: of the two leftmost, the upper is the top
 * left; of the two rightmost, the upper is the top right (as PaddleOCR's `get_mini_boxes` does). */
export function orderCorners(corners: Quad): Quad {
  const [p, q, r, s] = [...corners].sort((a, b) => a.x - b.x) as [Pixel, Pixel, Pixel, Pixel];
  const [topLeft, bottomLeft] = q.y > p.y ? [p, q] : [q, p];
  const [topRight, bottomRight] = s.y > r.y ? [r, s] : [s, r];
  return [topLeft, topRight, bottomRight, bottomLeft];
}

export interface Bounds {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** The upright rectangle around it. */
export function quadBounds(quad: Quad): Bounds {
  const xs = quad.map((p) => p.x);
  const ys = quad.map((p) => p.y);
  const x = Math.min(...xs);
  const y = Math.min(...ys);
  return { x, y, w: Math.max(...xs) - x, h: Math.max(...ys) - y };
}

/** Shared area over joint area of two upright rectangles, 0..1; 0 when both are empty. */
export function intersectionOverUnion(a: Bounds, b: Bounds): number {
  const w = Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y);
  const shared = Math.max(0, w) * Math.max(0, h);
  const joint = a.w * a.h + b.w * b.h - shared;
  return joint > 0 ? shared / joint : 0;
}
