import { distance, type Pixel, type Quad } from "./quad.ts";

/** Convex hull by Andrew's monotone chain (1979), without collinear points. Same turning direction throughout. */
export function convexHull(points: readonly Pixel[]): Pixel[] {
  const sorted = [...points].sort((a, b) => a.x - b.x || a.y - b.y);
  const distinct = sorted.filter((p, i) => i === 0 || p.x !== sorted[i - 1]?.x || p.y !== sorted[i - 1]?.y);
  if (distinct.length < 3) return distinct;
  return [...halfHull(distinct), ...halfHull(distinct.reverse())];
}

/** One side of the hull, without its last point: that begins the other side. */
function halfHull(points: readonly Pixel[]): Pixel[] {
  const chain: Pixel[] = [];
  for (const p of points) {
    while (chain.length >= 2 && turn(chain.at(-2) as Pixel, chain.at(-1) as Pixel, p) <= 0) chain.pop();
    chain.push(p);
  }
  chain.pop();
  return chain;
}

const turn = (a: Pixel, b: Pixel, c: Pixel): number => (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x);

/** The smallest rectangle, at any angle, that holds all points: one of its sides lies on an edge of their hull (Freeman and
 * Shapira, 1975), so each edge is tried; hulls of text regions have a few dozen. Degenerate input gives a rectangle
 * without area. The corners' order is a turn around it, beginning anywhere.
 * @throws RangeError without points */
export function minAreaRect(points: readonly Pixel[]): Quad {
  const hull = convexHull(points);
  const [first] = hull;
  if (first === undefined) throw new RangeError("minAreaRect needs at least one point");
  if (hull.length === 1) return [first, first, first, first];

  let best: { area: number; quad: Quad } | undefined;
  for (const [i, a] of hull.entries()) {
    const b = hull[(i + 1) % hull.length] as Pixel;
    const length = distance(a, b);
    const u = { x: (b.x - a.x) / length, y: (b.y - a.y) / length };
    let [alongMin, alongMax, acrossMin, acrossMax] = [Infinity, -Infinity, Infinity, -Infinity];
    for (const p of hull) {
      const along = p.x * u.x + p.y * u.y;
      const across = -p.x * u.y + p.y * u.x;
      alongMin = Math.min(alongMin, along);
      alongMax = Math.max(alongMax, along);
      acrossMin = Math.min(acrossMin, across);
      acrossMax = Math.max(acrossMax, across);
    }
    const area = (alongMax - alongMin) * (acrossMax - acrossMin);
    if (best !== undefined && area >= best.area) continue;
    const corner = (along: number, across: number): Pixel => ({
      x: along * u.x - across * u.y,
      y: along * u.y + across * u.x,
    });
    best = {
      area,
      quad: [
        corner(alongMin, acrossMin),
        corner(alongMax, acrossMin),
        corner(alongMax, acrossMax),
        corner(alongMin, acrossMax),
      ],
    };
  }
  return (best as { quad: Quad }).quad;
}
