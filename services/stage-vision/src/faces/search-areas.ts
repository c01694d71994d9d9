import type { Rect } from "../picture/overlap.ts";

/** Side of a tile, of the picture's shorter side. */
const TILE = 0.6;
/** Smaller tiles would only be enlarged for the net, which finds nothing new. */
const MIN_TILE_SIDE = 256;

/** Where to look for faces: the whole picture, and square tiles of it that overlap, in which faces are larger: on the whole
 * picture the net, which sees 256 pixels of it, misses faces below a twentieth of its width. Whole pixels. */
export function searchAreas(width: number, height: number): Rect[] {
  const whole = { x: 0, y: 0, w: width, h: height };
  const side = Math.round(TILE * Math.min(width, height));
  if (side < MIN_TILE_SIDE) return [whole];
  const areas: Rect[] = [whole];
  for (const y of starts(height, side)) {
    for (const x of starts(width, side)) areas.push({ x, y, w: side, h: side });
  }
  return areas;
}

/** First pixels of the fewest tiles that cover a length and share a quarter or more with the next. */
function starts(length: number, side: number): number[] {
  const count = Math.ceil((length - side) / (side * 0.75)) + 1;
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - side)) / Math.max(1, count - 1)));
}
