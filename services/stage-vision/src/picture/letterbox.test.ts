import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cropped, letterboxed } from "./letterbox.ts";
import { boxOn } from "./parts.ts";

const white = (width: number, height: number) => ({ width, height, rgb: new Uint8Array(width * height * 3).fill(255) });

test("letterboxed: the picture fills the middle of a black square, and boxes find back to it", () => {
  const { rgb, back } = letterboxed(white(200, 100), 50);
  const at = (x: number, y: number) => rgb[(y * 50 + x) * 3];
  assert.deepEqual([at(25, 0), at(25, 11), at(25, 13), at(0, 25), at(49, 36), at(25, 38)], [0, 0, 255, 255, 255, 0]);
  assert.deepEqual(back({ x: 0, y: 12, w: 50, h: 25 }), { x: 0, y: 0, w: 200, h: 100 });
});

test("letterboxed: any shape, down to a line one pixel thin", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 90 }), fc.integer({ min: 1, max: 90 }), (width, height) => {
      const { rgb, back } = letterboxed(white(width, height), 32);
      assert.equal(rgb.length, 32 * 32 * 3);
      const middle = back({ x: 16, y: 16, w: 0, h: 0 });
      const pixel = Math.max(width, height) / 32;
      assert.ok(Math.abs(middle.x - width / 2) <= pixel && Math.abs(middle.y - height / 2) <= pixel);
    }),
    { examples: [[90, 1]] },
  );
});

test("cropped: gives the pixels of its place", () => {
  const picture = { width: 3, height: 2, rgb: Uint8Array.from({ length: 18 }, (_, i) => Math.floor(i / 3)) };
  assert.deepEqual([...cropped(picture, { x: 1, y: 1, w: 2, h: 1 }).rgb], [4, 4, 4, 5, 5, 5]);
});

test("boxOn: cuts off what reaches over the edge, and never reaches over it itself", () => {
  assert.deepEqual(boxOn({ width: 100, height: 50 }, { x: -10, y: 25, w: 20, h: 50 }), {
    x: 0,
    y: 0.5,
    w: 0.1,
    h: 0.5,
  });
  const value = fc.double({ min: -100, max: 200, noNaN: true });
  fc.assert(
    fc.property(value, value, fc.double({ min: 0, max: 300, noNaN: true }), (x, y, w) => {
      const box = boxOn({ width: 123, height: 77 }, { x, y, w, h: w });
      assert.ok((Object.values(box) as number[]).every((part) => part >= 0 && part <= 1));
      assert.ok(box.x + box.w <= 1 + 1e-9 && box.y + box.h <= 1 + 1e-9);
    }),
  );
});
