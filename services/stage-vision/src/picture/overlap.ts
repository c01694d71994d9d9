/** A rectangle; all values in one unit, pixels or parts of the picture. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly w: number;
  readonly h: number;
}

/** Area both have in common. */
function intersection(a: Rect, b: Rect): number {
  const w = Math.min(a.x + a.w, b.x + b.w) - Math.max(a.x, b.x);
  const h = Math.min(a.y + a.h, b.y + b.h) - Math.max(a.y, b.y);
  return w > 0 && h > 0 ? w * h : 0;
}

/** Intersection over union, 0..1. */
export function overlap(a: Rect, b: Rect): number {
  const common = intersection(a, b);
  const all = a.w * a.h + b.w * b.h - common;
  return all > 0 ? common / all : 0;
}

/** Intersection over the smaller of both, 0..1: 1 where one lies within the other. */
export function containment(a: Rect, b: Rect): number {
  const smaller = Math.min(a.w * a.h, b.w * b.h);
  return smaller > 0 ? intersection(a, b) / smaller : 0;
}

/** Greedy non-maximum suppression: the surest first, and none that is the same thing as one kept before. Equal confidences keep their order.
 * @param same says whether two stand for one thing */
export function distinct<T extends { readonly confidence: number }>(
  all: readonly T[],
  same: (kept: T, other: T) => boolean,
): T[] {
  const kept: T[] = [];
  for (const each of [...all].sort((a, b) => b.confidence - a.confidence)) {
    if (!kept.some((other) => same(other, each))) kept.push(each);
  }
  return kept;
}
