import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { readingOrder } from "./reading-order.ts";

const at = (x: number, y: number, w = 100, h = 20) => ({ x, y, w, h });
const LONG = 300;

for (const [name, boxes] of [
  ["rows from the top", [at(0, 0), at(0, 30), at(0, 60)]],
  ["a row from the left, though its boxes do not stand quite level", [at(0, 4), at(150, 0), at(300, 6)]],
  [
    "a headline, then the left column, then the right",
    [
      at(0, 0, 700, 40),
      at(0, 60, LONG),
      at(0, 90, LONG),
      at(0, 120, LONG),
      at(400, 62, LONG),
      at(400, 92, LONG),
      at(400, 122, LONG),
    ],
  ],
  [
    "columns whose lines stand at other heights",
    [at(0, 0, LONG), at(0, 30, LONG), at(400, 14, LONG), at(400, 44, LONG)],
  ],
  ["closing credits row by row", [at(0, 0, 80), at(200, 0, 90), at(0, 30, 60), at(200, 30, 95)]],
  [
    "a caption below two columns comes last",
    [at(0, 0, LONG), at(0, 30, LONG), at(400, 0, LONG), at(400, 30, LONG), at(100, 80, 500)],
  ],
] as const) {
  test(`readingOrder: ${name}`, () => {
    const wanted = [...boxes.keys()];
    assert.deepEqual(readingOrder(boxes), wanted);
    const mixed = wanted.map((i) => (i * 5 + 3) % 7).filter((i) => i < boxes.length);
    const shuffled = [...mixed, ...wanted.filter((i) => !mixed.includes(i))];
    const order = readingOrder(shuffled.map((i) => boxes[i] as (typeof boxes)[number]));
    assert.deepEqual(
      order.map((i) => shuffled[i]),
      wanted,
      "whatever order they come in",
    );
  });
}

test("readingOrder: names every box once", () => {
  const part = fc.double({ min: 0, max: 1000, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.record({ x: part, y: part, w: part, h: part }), { maxLength: 30 }), (boxes) => {
      assert.deepEqual(
        [...readingOrder(boxes)].sort((a, b) => a - b),
        [...boxes.keys()],
      );
    }),
  );
});
