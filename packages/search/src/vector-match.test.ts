import assert from "node:assert/strict";
import { test } from "node:test";
import { vectorFor } from "./vector-match.ts";

const vectors = [
  { start_ms: 0, end_ms: 10_000, vector: 0 },
  { start_ms: 10_000, end_ms: 30_000, vector: 1 },
];
for (const [name, start_ms, end_ms, want] of [
  ["the same span", 10_000, 30_000, 1],
  ["cuts that moved a little", 9_000, 28_000, 1],
  ["a part of it", 12_000, 15_000, 1],
  ["mostly elsewhere", 28_000, 50_000, undefined],
  ["after all of them", 40_000, 50_000, undefined],
] as const) {
  test(`vectorFor: ${name}`, () => assert.equal(vectorFor({ start_ms, end_ms }, vectors)?.vector, want));
}
