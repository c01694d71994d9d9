import assert from "node:assert/strict";
import { test } from "node:test";
import { cleanWord, parseCtm } from "./ctm.ts";

test("parseCtm gives words by utterance, ends past their last frame, malformed lines left out", () => {
  const text =
    "u0 1 0.29 0.35 and 0.975\nu0 1 0.65 0.32 while(2) 0.033\nu1 1 0.00 0.10 <sil> 1.000\nnonsense\nu2 1 x y z 1\nu1 1 1.24 0.38 fellow 1.020\n";
  const words = parseCtm(text);
  assert.deepEqual(words.get("u0"), [
    { text: "and", startMs: 290, endMs: 650, confidence: 0.975 },
    { text: "while", startMs: 650, endMs: 980, confidence: 0.033 },
  ]);
  assert.deepEqual(words.get("u1"), [{ text: "fellow", startMs: 1240, endMs: 1630, confidence: 1 }]);
  assert.equal(words.has("u2"), false);
});

for (const [token, want] of [
  ["the(2)", "the"],
  ["o'clock", "o'clock"],
  ["<s>", undefined],
  ["[NOISE]", undefined],
  ["++BREATH++", undefined],
] as const) {
  test(`cleanWord: ${token}`, () => assert.equal(cleanWord(token), want));
}
