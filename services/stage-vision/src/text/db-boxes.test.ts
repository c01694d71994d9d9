import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { connectedComponents } from "./components.ts";
import { dbBoxes, grow, meanInside } from "./db-boxes.ts";
import { orderCorners, type Pixel, type Quad, quadSize } from "./quad.ts";

const WIDTH = 320;
const HEIGHT = 160;

/** A map with `probability` inside rectangles around (x, y), turned by `degrees`. */
function mapOf(...patches: { x: number; y: number; w: number; h: number; degrees?: number; probability?: number }[]) {
  const map = new Float32Array(WIDTH * HEIGHT);
  for (const { x, y, w, h, degrees = 0, probability = 0.9 } of patches) {
    const [c, s] = [Math.cos((degrees * Math.PI) / 180), Math.sin((degrees * Math.PI) / 180)];
    for (let py = 0; py < HEIGHT; py++) {
      for (let px = 0; px < WIDTH; px++) {
        const along = (px - x) * c + (py - y) * s;
        const across = -(px - x) * s + (py - y) * c;
        if (Math.abs(along) <= w / 2 && Math.abs(across) <= h / 2) map[py * WIDTH + px] = probability;
      }
    }
  }
  return map;
}

test("dbBoxes: a patch becomes its rectangle, grown by area x 1.5 / perimeter on each side", () => {
  const [box, ...others] = dbBoxes(mapOf({ x: 150, y: 80, w: 200, h: 20 }), WIDTH, HEIGHT);
  assert.equal(others.length, 0);
  const by = (200 * 20 * 1.5) / (2 * 220);
  assert.deepEqual(
    box?.quad.map((p) => ({ x: Math.round(p.x), y: Math.round(p.y) })),
    [
      { x: Math.round(50 - by), y: Math.round(70 - by) },
      { x: Math.round(250 + by), y: Math.round(70 - by) },
      { x: Math.round(250 + by), y: Math.round(90 + by) },
      { x: Math.round(50 - by), y: Math.round(90 + by) },
    ],
  );
  assert.ok(Math.abs((box?.score ?? 0) - 0.9) < 1e-6);
});

test("dbBoxes: a turned patch keeps its angle", () => {
  for (const degrees of [-30, -10, 10, 30]) {
    const [box] = dbBoxes(mapOf({ x: 160, y: 80, w: 150, h: 16, degrees }), WIDTH, HEIGHT);
    assert.ok(box);
    const [a, b] = box.quad;
    assert.ok(Math.abs((Math.atan2(b.y - a.y, b.x - a.x) * 180) / Math.PI - degrees) < 1.5, `${degrees} degrees`);
  }
});

for (const [name, map, count] of [
  ["two lines are two boxes", mapOf({ x: 150, y: 40, w: 200, h: 14 }, { x: 150, y: 90, w: 200, h: 14 }), 2],
  ["an unsure patch is dropped", mapOf({ x: 150, y: 40, w: 200, h: 14, probability: 0.5 }), 0],
  ["a speck is dropped", mapOf({ x: 150, y: 40, w: 2, h: 2 }), 0],
  ["an empty map has none", mapOf(), 0],
  ["a patch over the edge is kept", mapOf({ x: 0, y: 0, w: 200, h: 30 }), 1],
  ["a map full of text is one box", new Float32Array(WIDTH * HEIGHT).fill(1), 1],
] as const) {
  test(`dbBoxes: ${name}`, () => assert.equal(dbBoxes(map, WIDTH, HEIGHT).length, count));
}

test("dbBoxes: of more patches than it looks at, the largest stay", () => {
  const map = mapOf({ x: 40, y: 40, w: 20, h: 10 }, { x: 200, y: 40, w: 150, h: 10 }, { x: 40, y: 90, w: 30, h: 10 });
  const [box, ...others] = dbBoxes(map, WIDTH, HEIGHT, { maxCandidates: 1 });
  assert.equal(others.length, 0);
  assert.ok(quadSize(box?.quad as Quad).width > 150);
});

test("connectedComponents: every pixel above the threshold is in exactly one patch", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 60, maxLength: 60 }), (bits) => {
      const patches = connectedComponents(Float32Array.from(bits), 10, 6, 0.5);
      assert.equal(
        patches.reduce((sum, { area }) => sum + area, 0),
        bits.filter((bit) => bit === 1).length,
      );
      for (const { x, y } of patches.flatMap(({ outline }) => outline)) assert.equal(bits[y * 10 + x], 1);
    }),
  );
});

test("connectedComponents: pixels that touch by a corner belong together", () => {
  assert.equal(connectedComponents(Float32Array.from([1, 0, 0, 1]), 2, 2, 0.5).length, 1);
  assert.equal(connectedComponents(Float32Array.from([1, 0, 1, 0, 0, 0]), 3, 2, 0.5).length, 2);
});

test("grow: keeps the middle and the angle, and adds the same on all sides", () => {
  const side = fc.double({ min: 5, max: 300, noNaN: true });
  fc.assert(
    fc.property(side, side, fc.double({ min: -0.7, max: 0.7, noNaN: true }), (w, h, angle) => {
      const at = (s: number, t: number): Pixel => ({
        x: s * w * Math.cos(angle) - t * h * Math.sin(angle),
        y: s * w * Math.sin(angle) + t * h * Math.cos(angle),
      });
      const grown = grow([at(0, 0), at(1, 0), at(1, 1), at(0, 1)], 1.5);
      const by = (w * h * 1.5) / (2 * (w + h));
      const { width, height } = quadSize(grown);
      assert.ok(Math.abs(width - w - 2 * by) < 1e-6 && Math.abs(height - h - 2 * by) < 1e-6);
      const middle = grown.reduce((sum, p) => ({ x: sum.x + p.x / 4, y: sum.y + p.y / 4 }), { x: 0, y: 0 });
      assert.ok(Math.hypot(middle.x - at(0.5, 0.5).x, middle.y - at(0.5, 0.5).y) < 1e-6);
    }),
  );
});

test("meanInside: counts the pixels within a turned quad only", () => {
  const map = mapOf({ x: 160, y: 80, w: 60, h: 60, degrees: 45, probability: 1 });
  const half = 60 / Math.SQRT2 - 2;
  const inside = orderCorners([
    { x: 160 - half, y: 80 },
    { x: 160, y: 80 - half },
    { x: 160 + half, y: 80 },
    { x: 160, y: 80 + half },
  ]);
  assert.equal(meanInside(map, WIDTH, HEIGHT, inside), 1);
});
