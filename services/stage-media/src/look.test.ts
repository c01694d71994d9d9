import assert from "node:assert/strict";
import { test } from "node:test";
import { differs, lookOf } from "./look.ts";

const WIDTH = 320;
const HEIGHT = 180;
function picture(luma: (x: number, y: number) => number) {
  return lookOf(
    Uint8Array.from({ length: WIDTH * HEIGHT }, (_, i) => luma(i % WIDTH, Math.floor(i / WIDTH))),
    WIDTH,
    HEIGHT,
  );
}
const road = (x: number, y: number) => 90 + ((x * 7 + y * 13) % 20);
const at = (left: number, top: number, width: number, height: number, luma: number) => (x: number, y: number) =>
  x >= left && x < left + width && y >= top && y < top + height ? luma : road(x, y);

for (const [name, other, want] of [
  ["the same", road, false],
  ["brighter as a whole", (x: number, y: number) => road(x, y) + 40, false],
  ["grain", (x: number, y: number) => road(x, y) + ((x * 31 + y * 17) % 11) - 5, false],
  ["a thing of a tenth of the picture comes in", at(100, 40, 80, 72, 220), true],
  ["a line of text at the bottom", at(40, 150, 160, 24, 150), true],
  ["a speck", at(100, 40, 20, 20, 220), false],
] as const) {
  test(`differs: ${name}`, () => {
    assert.equal(differs(picture(road), picture(other)), want);
    assert.equal(differs(picture(other), picture(road)), want);
  });
}

test("lookOf: a picture smaller than its blocks has a look", () => {
  assert.equal(lookOf(Uint8Array.of(1, 2, 3, 4), 2, 2).length, 144);
});
