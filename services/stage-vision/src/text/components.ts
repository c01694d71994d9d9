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
  // A frame of one pixel around the map: then each pixel has eight neighbours, and no bounds are checked.
  const stride = width + 2;
  const open = new Uint8Array(stride * (height + 2));
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((map[y * width + x] as number) > threshold) open[(y + 1) * stride + x + 1] = 1;
    }
  }
  const neighbours = [-stride - 1, -stride, -stride + 1, -1, 1, stride - 1, stride, stride + 1];

  const components: Component[] = [];
  const stack: number[] = [];
  for (let seed = 0; seed < open.length; seed++) {
    if (open[seed] === 0) continue;
    const rows = new Map<number, { first: number; last: number }>();
    let area = 0;
    open[seed] = 0;
    stack.push(seed);
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      const x = (at % stride) - 1;
      const y = (at - x - 1) / stride - 1;
      area++;
      const row = rows.get(y);
      if (row === undefined) rows.set(y, { first: x, last: x });
      else if (x < row.first) row.first = x;
      else if (x > row.last) row.last = x;
      for (const neighbour of neighbours) {
        const next = at + neighbour;
        if (open[next] === 0) continue;
        open[next] = 0;
        stack.push(next);
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
