import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Pixel } from "../picture/parts.ts";
import { alignedFace, normalised, similarityBetween } from "./align.ts";
import type { FaceMarks } from "./face-engine.ts";
import { frontality } from "./face-quality.ts";

const number = (limit: number) => fc.double({ min: -limit, max: limit, noNaN: true });

test("similarityBetween: finds the turn, size and place that was used", () => {
  const points = fc.array(fc.tuple(number(50), number(50)), { minLength: 3, maxLength: 8 });
  fc.assert(
    fc.property(
      points,
      fc.double({ min: 0.2, max: 5, noNaN: true }),
      number(3.1),
      number(100),
      (from, size, turn, tx) => {
        const spread = Math.max(...from.map(([x]) => x)) - Math.min(...from.map(([x]) => x));
        fc.pre(spread > 1);
        const [a, b] = [size * Math.cos(turn), size * Math.sin(turn)];
        const to = from.map(([x, y]): Pixel => [a * x - b * y + tx, b * x + a * y - tx]);
        const found = similarityBetween(from, to);
        for (const [key, want] of Object.entries({ a, b, tx, ty: -tx })) {
          assert.ok(Math.abs(found[key as "a"] - want) < 1e-6 * (1 + Math.abs(want)) * 100, key);
        }
      },
    ),
  );
});

/** A picture with a bright dot at each mark. */
function dotted(width: number, height: number, marks: FaceMarks) {
  const rgb = new Uint8Array(width * height * 3);
  for (const [x, y] of marks) {
    for (let dy = -3; dy <= 3; dy++)
      for (let dx = -3; dx <= 3; dx++) rgb.fill(255, at(x + dx, y + dy), at(x + dx, y + dy) + 3);
  }
  function at(x: number, y: number) {
    return (Math.round(y) * width + Math.round(x)) * 3;
  }
  return { width, height, rgb };
}

test("alignedFace: a tilted face comes out upright, its marks where recognition expects them", () => {
  const template = [
    [38.3, 51.7],
    [73.5, 51.5],
    [56, 71.7],
    [41.5, 92.4],
    [70.7, 92.2],
  ] as const;
  const [cos, sin] = [Math.cos(0.6) * 1.5, Math.sin(0.6) * 1.5];
  const marks = template.map(
    ([x, y]): Pixel => [cos * x - sin * y + 150, sin * x + cos * y + 20],
  ) as unknown as FaceMarks;
  const face = alignedFace(dotted(320, 320, marks), marks, 112);
  assert.equal(face.length, 112 * 112 * 3);
  for (const [x, y] of template) assert.ok((face[(Math.round(y) * 112 + Math.round(x)) * 3] ?? 0) > 200, `${x},${y}`);
  assert.equal(face[0], 0);
});

test("alignedFace: marks outside the picture give black there, never an error", () => {
  const marks: FaceMarks = [
    [-90, -5],
    [-40, 0],
    [-60, 20],
    [-80, 60],
    [-50, 60],
  ];
  const face = alignedFace({ width: 4, height: 4, rgb: new Uint8Array(48).fill(255) }, marks, 112, 1.2);
  assert.ok(face.every((value) => value >= 0 && value <= 255.001));
});

test("frontality: 1 from the front, less the further the nose is from the middle of the eyes, 0 in profile", () => {
  const seen = (nose: Pixel) => frontality([[0, 0], [10, 0], nose, [2, 10], [8, 10]]);
  assert.equal(seen([5, 6]), 1);
  assert.ok(Math.abs(seen([7, 6]) - 0.6) < 1e-9);
  assert.equal(seen([12, 6]), 0);
  assert.equal(
    frontality([
      [3, 3],
      [3, 3],
      [3, 3],
      [3, 3],
      [3, 3],
    ]),
    0,
  );
});

test("normalised: length 1, and zeros stay zeros", () => {
  assert.deepEqual(
    [...normalised(Float32Array.of(3, 4))].map((value) => Math.round(value * 10)),
    [6, 8],
  );
  assert.deepEqual([...normalised(new Float32Array(3))], [0, 0, 0]);
});
