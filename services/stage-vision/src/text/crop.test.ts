import assert from "node:assert/strict";
import { test } from "node:test";
import type { Picture } from "@heimdex/engine";
import fc from "fast-check";
import { cropLine, halfTurn, quarterTurn } from "./crop.ts";
import { detectionSize } from "./detector.ts";
import type { Quad } from "./quad.ts";
import { resizeIntoTensor } from "./resample.ts";

const side = fc.integer({ min: 1, max: 12 });
const picture = fc
  .tuple(side, side)
  .chain(([width, height]) =>
    fc
      .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((rgb): Picture => ({ width, height, rgb })),
  );
const quad = (x: number, y: number, w: number, h: number): Quad => [
  { x, y },
  { x: x + w, y },
  { x: x + w, y: y + h },
  { x, y: y + h },
];

test("halfTurn twice and quarterTurn four times change nothing; two quarters are a half", () => {
  fc.assert(
    fc.property(picture, (p) => {
      assert.deepEqual(halfTurn(halfTurn(p)), p);
      assert.deepEqual(quarterTurn(quarterTurn(p)), halfTurn(p));
      assert.deepEqual(quarterTurn(quarterTurn(quarterTurn(quarterTurn(p)))), p);
    }),
  );
});

test("cropLine: a level box gives exactly its pixels", () => {
  fc.assert(
    fc.property(picture, (p) => {
      const crop = cropLine(p, quad(0, 0, p.width, p.height));
      assert.deepEqual(crop, p.height >= 1.5 * p.width ? quarterTurn(p) : p);
    }),
  );
});

test("cropLine: a turned line comes out level", () => {
  // White on black: the band y = x / 2 + 20 of a 60 x 60 picture, 6 pixels thick.
  const rgb = new Uint8Array(60 * 60 * 3);
  for (let y = 0; y < 60; y++)
    for (let x = 0; x < 60; x++)
      if (Math.abs(y - x / 2 - 20) < 3) rgb.fill(255, (y * 60 + x) * 3, (y * 60 + x) * 3 + 3);
  const n = { x: -1 / Math.sqrt(5), y: 2 / Math.sqrt(5) };
  const at = (x: number, off: number) => ({ x: x + off * n.x, y: x / 2 + 20 + off * n.y });
  const crop = cropLine({ width: 60, height: 60, rgb }, [at(10, -8), at(50, -8), at(50, 8), at(10, 8)]);
  const rowMean = (y: number) => {
    let sum = 0;
    for (let x = 0; x < crop.width; x++) sum += crop.rgb[(y * crop.width + x) * 3] as number;
    return sum / crop.width;
  };
  assert.ok(rowMean(8) > 250, "the middle is white");
  assert.ok(rowMean(1) < 5 && rowMean(crop.height - 1) < 5, "the edges are black");
});

test("resizeIntoTensor: planes are blue, green, red, normalised, and padding stays", () => {
  const out = new Float32Array(3 * 8).fill(9);
  const pixel = { width: 1, height: 1, rgb: Uint8Array.of(255, 0, 51) };
  resizeIntoTensor(pixel, 2, 2, { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] }, out, {
    offset: 0,
    stride: 4,
    planeSize: 8,
  });
  const plane = (v: number) => [v, v, 9, 9, v, v, 9, 9];
  assert.deepEqual(
    [...out].map((v) => Math.round(v * 1000) / 1000),
    [...plane(-0.6), ...plane(-1), ...plane(1)],
  );
});

test("resizeIntoTensor: enlarging mixes neighbours as OpenCV does", () => {
  const out = new Float32Array(12);
  const pair = { width: 2, height: 1, rgb: Uint8Array.of(0, 0, 0, 100, 100, 100) };
  resizeIntoTensor(pair, 4, 1, { mean: [0, 0, 0], std: [1 / 255, 1 / 255, 1 / 255] }, out, {
    offset: 0,
    stride: 4,
    planeSize: 4,
  });
  assert.deepEqual([...out.subarray(0, 4)].map(Math.round), [0, 25, 75, 100]);
});

for (const [width, height, limit, want] of [
  [1280, 720, 960, [960, 544]],
  [1280, 720, 1280, [1280, 704]],
  [720, 1280, 960, [544, 960]],
  [320, 240, 960, [320, 256]],
  [1, 1, 960, [32, 32]],
  [4000, 10, 960, [960, 32]],
] as const) {
  test(`detectionSize: ${width}x${height} within ${limit}`, () => {
    assert.deepEqual(Object.values(detectionSize(width, height, limit)), want);
  });
}
