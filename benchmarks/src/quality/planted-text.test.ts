import assert from "node:assert/strict";
import { test } from "node:test";
import { scoreReading } from "./planted-text.ts";

const planted = [
  { text: "HARBOUR NEWS", startMs: 0, endMs: 2000 },
  { text: "Gate 14", startMs: 2000, endMs: 4000 },
];
const at = (start_ms: number, text: string) => ({ text, start_ms, end_ms: start_ms + 1000 });

test("all read right", () => {
  const score = scoreReading(planted, [at(500, "HARBOUR NEWS"), at(2500, "Gate 14")]);
  assert.deepEqual(score, { recall: 1, precision: 1, characterError: 0, matched: 2 });
});

test("a wrong character counts as one, not as a missing line", () => {
  const score = scoreReading(planted, [at(500, "HARB0UR NEWS"), at(2500, "Gate 14")]);
  assert.equal(score.recall, 1);
  assert.equal(score.characterError, 1 / 19);
});

test("the right text at another time is neither found nor right", () => {
  const score = scoreReading(planted, [at(2500, "HARBOUR NEWS")]);
  assert.deepEqual([score.recall, score.precision, score.matched], [0, 0, 0]);
});

test("a line read twice is right once", () => {
  const score = scoreReading(planted, [at(0, "HARBOUR NEWS"), at(1000, "HARBOUR NEWS"), at(2500, "Gate 14")]);
  assert.deepEqual([score.recall, score.precision], [1, 2 / 3]);
});

test("nothing read: nothing found, and nothing wrong", () => {
  assert.deepEqual(scoreReading(planted, []), { recall: 0, precision: 1, characterError: 0, matched: 0 });
});
