import type { Pixel } from "./quad.ts";

/** A patch of connected pixels, by the first and last of each of its rows: all its convex hull needs. */
export interface Component {
  readonly outline: Pixel[];
  /** Pixels in it. */
  readonly area: number;
}

/** Patches of pixels above `threshold`, connected over sides and corners (as OpenCV's contours are), in order of their
 * topmost pixels, left to right.
 * @param map `width * height` values, row by row */
export function connectedComponents(map: Float32Array, width: number, height: number, threshold: number): Component[] {
  const open = new Uint8Array(width * height);
  for (let i = 0; i < open.length; i++) open[i] = (map[i] as number) > threshold ? 1 : 0;

  const components: Component[] = [];
  const stack: number[] = [];
  for (let seed = 0; seed < open.length; seed++) {
    if (open[seed] === 0) continue;
    const rows = new Map<number, { first: number; last: number }>();
    let area = 0;
    open[seed] = 0;
    stack.push(seed);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      const x = at % width;
      const y = (at - x) / width;
      area++;
      const row = rows.get(y);
      if (row === undefined) rows.set(y, { first: x, last: x });
      else if (x < row.first) row.first = x;
      else if (x > row.last) row.last = x;
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const next = ny * width + nx;
          if (open[next] === 0) continue;
          open[next] = 0;
          stack.push(next);
        }
      }
    }
    const outline = [...rows].flatMap(([y, { first, last }]) =>
      first === last
        ? [{ x: first, y }]
        : [
            { x: first, y },
            { x: last, y },
          ],
    );
    components.push({ outline, area });
  }
  return components;
}
