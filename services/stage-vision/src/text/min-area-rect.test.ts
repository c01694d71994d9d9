import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { convexHull, minAreaRect } from "./min-area-rect.ts";
import { distance, orderCorners, type Pixel, type Quad, quadSize } from "./quad.ts";

const pixel = fc.record({ x: fc.integer({ min: 0, max: 200 }), y: fc.integer({ min: 0, max: 200 }) });
const cross = (a: Pixel, b: Pixel, p: Pixel) => (b.x - a.x) * (p.y - a.y) - (b.y - a.y) * (p.x - a.x);

test("minAreaRect: holds all points", () => {
  fc.assert(
    fc.property(fc.array(pixel, { minLength: 3, maxLength: 40 }), (points) => {
      const quad = minAreaRect(points);
      const turns = (p: Pixel) => quad.map((a, i) => cross(a, quad[(i + 1) % 4] as Pixel, p));
      for (const p of points) {
        const all = turns(p);
        assert.ok(all.every((t) => t >= -1e-6) || all.every((t) => t <= 1e-6));
      }
    }),
  );
});

test("minAreaRect: is never larger than the upright rectangle, nor than any a degree apart", () => {
  fc.assert(
    fc.property(fc.array(pixel, { minLength: 3, maxLength: 20 }), (points) => {
      const { width, height } = quadSize(minAreaRect(points));
      for (let degrees = 0; degrees < 90; degrees++) {
        const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
        const us = points.map((p) => p.x * c + p.y * s);
        const vs = points.map((p) => -p.x * s + p.y * c);
        const area = (Math.max(...us) - Math.min(...us)) * (Math.max(...vs) - Math.min(...vs));
        assert.ok(width * height <= area + 1e-6);
      }
    }),
    { numRuns: 50 },
  );
});

test("minAreaRect: finds a turned rectangle again, whatever points fill it", () => {
  const turned = fc.record({
    w: fc.integer({ min: 20, max: 200 }),
    h: fc.integer({ min: 5, max: 19 }),
    angle: fc.double({ min: -0.7, max: 0.7, noNaN: true }),
  });
  fc.assert(
    fc.property(
      turned,
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))),
      ({ w, h, angle }, inner) => {
        const at = (s: number, t: number): Pixel => ({
          x: 300 + s * w * Math.cos(angle) - t * h * Math.sin(angle),
          y: 300 + s * w * Math.sin(angle) + t * h * Math.cos(angle),
        });
        const corners: Quad = [at(0, 0), at(1, 0), at(1, 1), at(0, 1)];
        const found = orderCorners(minAreaRect([...inner.map(([s, t]) => at(s, t)), ...corners]));
        for (const [i, corner] of orderCorners(corners).entries())
          assert.ok(distance(corner, found[i] as Pixel) < 1e-6);
      },
    ),
  );
});

test("minAreaRect: a point and a line are rectangles without area; nothing is an error", () => {
  assert.deepEqual(
    minAreaRect([
      { x: 3, y: 4 },
      { x: 3, y: 4 },
    ]),
    Array(4).fill({ x: 3, y: 4 }),
  );
  const { width, height } = quadSize(
    orderCorners(
      minAreaRect([
        { x: 0, y: 0 },
        { x: 5, y: 0 },
        { x: 10, y: 0 },
      ]),
    ),
  );
  assert.deepEqual([width, height], [10, 0]);
  assert.throws(() => minAreaRect([]), RangeError);
});

test("convexHull: leaves out what lies within and on the edges", () => {
  const square = [
    [0, 0],
    [4, 0],
    [4, 4],
    [0, 4],
  ].map(([x, y]) => ({ x, y }) as Pixel);
  const hull = convexHull([...square, { x: 2, y: 2 }, { x: 2, y: 0 }, { x: 4, y: 1 }]);
  assert.equal(hull.length, 4);
  for (const corner of square) assert.ok(hull.some((p) => p.x === corner.x && p.y === corner.y));
});
