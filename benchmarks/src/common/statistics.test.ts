import assert from "node:assert/strict";
import { test } from "node:test";
import { percentile, summarise } from "./statistics.ts";

for (const [name, values, rank, want] of [
  ["the middle of an odd number", [3, 1, 2], 50, 2],
  ["between the two middle ones", [4, 1, 3, 2], 50, 2.5],
  ["the smallest", [9, 10, 1], 0, 1],
  ["the largest, compared as numbers", [9, 10, 1], 100, 10],
  ["in proportion between neighbours", [0, 10, 20, 30, 40], 95, 38],
  ["of one value", [7], 95, 7],
] as const) {
  test(`percentile: ${name}`, () => assert.equal(percentile(values, rank), want));
}

test("the values keep their order", () => {
  const values = [3, 1, 2];
  assert.deepEqual(summarise(values), { min: 1, median: 2, max: 3, count: 3 });
  assert.deepEqual(values, [3, 1, 2]);
});

test("nothing measured is an error, not a zero", () => {
  assert.throws(() => summarise([]), RangeError);
});
