import assert from "node:assert/strict";
import { test } from "node:test";
import { mapBounded } from "./bounded.ts";

test("mapBounded keeps the order and never has more under way than it may", async () => {
  let running = 0;
  let most = 0;
  const results = await mapBounded([5, 1, 4, 2, 3], 2, async (value, index) => {
    most = Math.max(most, ++running);
    for (let turn = 0; turn < value; turn++) await Promise.resolve();
    running--;
    return value * 10 + index;
  });
  assert.deepEqual(results, [50, 11, 42, 23, 34]);
  assert.equal(most, 2);
});

test("mapBounded begins nothing more after a failure", async () => {
  const begun: number[] = [];
  const run = mapBounded([0, 1, 2, 3, 4, 5], 2, async (value) => {
    begun.push(value);
    await Promise.resolve();
    if (value === 1) throw new Error("one");
  });
  await assert.rejects(run, /one/);
  await new Promise((resolve) => setImmediate(resolve));
  assert.ok(begun.length < 6);
});
