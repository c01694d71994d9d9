import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Demand, decide } from "./decide.ts";

const HOLD_MS = 300_000;
const LONG = HOLD_MS;
const limits = { min: 0, max: 10, concurrency: 1 };
const at = (instances: number, unchangedMs = LONG) => ({ instances, unchangedMs });
const work = (ready: number, leased = 0): Demand => ({ ready, leased });

for (const [name, [min, max, concurrency], state, demands, want] of [
  ["nothing to do, nothing runs", [0, 10, 1], at(0), [work(0)], 0],
  ["up at once to all that waits", [0, 10, 1], at(0, 0), [work(7)], 7],
  ["up by what is under way and waits", [0, 10, 1], at(2, 0), [work(3, 2)], 5],
  ["no more than the most", [0, 10, 1], at(4), [work(500)], 10],
  ["no fewer than the least", [2, 10, 1], at(2), [work(0)], 2],
  ["below the least: up, held or not", [2, 10, 1], at(0, 0), [work(0)], 2],
  ["above the most: down at once, since somebody lowered it", [0, 3, 1], at(9, 0), [work(50, 9)], 3],
  ["down by half at most", [0, 10, 1], at(9), [work(0)], 4],
  ["the last one goes too", [0, 10, 1], at(1), [work(0)], 0],
  ["down to the least", [1, 10, 1], at(2), [work(0)], 1],
  ["never below what is under way", [0, 10, 1], at(9), [work(0, 8)], 8],
  ["held since the last change", [0, 10, 1], at(9, HOLD_MS - 1), [work(0)], 9],
  ["the instant the hold ends", [0, 10, 1], at(9, HOLD_MS), [work(0)], 4],
  ["a time of change that is not known holds nothing", [0, 10, 1], at(2, Number.POSITIVE_INFINITY), [work(0)], 1],
  ["enough already", [0, 10, 1], at(4), [work(1, 3)], 4],
  ["several steps an instance", [0, 10, 4], at(0), [work(9)], 3],
  ["the busiest stage tells, as an instance serves all", [0, 10, 1], at(0), [work(2), work(5, 1), work(1)], 6],
  ["a stage nobody registered gets an instance", [0, 10, 1], at(0), [work(0), undefined], 1],
  ["and no second one", [0, 10, 1], at(1), [undefined], 1],
  ["a pool that may have none", [0, 0, 1], at(0), [work(5)], 0],
] as const) {
  test(`decide: ${name}`, () => {
    const decision = decide({ min, max, concurrency }, { ...state, demands, isPaused: false }, HOLD_MS);
    assert.equal(decision.instances, want, decision.reason);
    assert.notEqual(decision.reason, "");
  });
}

test("while leasing is paused what waits is no reason for more, nor what does not for fewer", () => {
  for (const demand of [work(50), work(0)])
    assert.equal(decide(limits, { ...at(3), demands: [demand], isPaused: true }, HOLD_MS).instances, 3);
});

test("always within the limits, and what is under way is never taken away by choice", () => {
  const count = fc.nat(50);
  fc.assert(
    fc.property(count, count, count, count, fc.nat(600_000), (low, more, instances, leased, unchangedMs) => {
      const [min, max] = [low, low + more];
      const state = { instances, unchangedMs, demands: [work(0, leased)], isPaused: false };
      const next = decide({ min, max, concurrency: 1 }, state, HOLD_MS).instances;
      assert.ok(next >= min && next <= max);
      if (instances <= max) assert.ok(next >= Math.min(instances, leased));
    }),
  );
});

test("demand that stays settles, and stays settled", () => {
  let instances = 0;
  const counts: number[] = [];
  for (let round = 0; round < 8; round++) {
    ({ instances } = decide(limits, { ...at(instances), demands: [work(1, 2)], isPaused: false }, HOLD_MS));
    counts.push(instances);
  }
  assert.deepEqual(counts, Array(8).fill(3));
});
