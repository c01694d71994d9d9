import assert from "node:assert/strict";
import { test } from "node:test";
import { concurrently } from "./concurrently.ts";

const { signal } = new AbortController();

test("results keep the order of the items, and no more than the limit run at a time", async () => {
  let running = 0;
  let most = 0;
  const gates = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const all = concurrently([0, 1, 2, 3, 4], 2, signal, async (item) => {
    most = Math.max(most, ++running);
    await gates[item]?.promise;
    running--;
    return item * 10;
  });
  for (const gate of gates.toReversed()) gate.resolve();
  assert.deepEqual(await all, [0, 10, 20, 30, 40]);
  assert.equal(most, 2);
});

test("the first error ends it once what runs has ended, and nothing more is begun", async () => {
  const begun: number[] = [];
  await assert.rejects(
    concurrently([0, 1, 2], 1, signal, async (item) => {
      begun.push(item);
      throw new Error(`no ${item}`);
    }),
    /no 0/,
  );
  assert.deepEqual(begun, [0]);
});
