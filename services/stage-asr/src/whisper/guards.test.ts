import assert from "node:assert/strict";
import { test } from "node:test";
import type { Decoding } from "./decoding.ts";
import { compressionRatio, hasLoop, judge } from "./guards.ts";

const said = (text: string): Decoding["words"] =>
  text.split(" ").map((word, i) => ({ text: word, startMs: i * 300, endMs: i * 300 + 250 }));
const sure: Decoding = {
  words: said("We choose to go to the moon in this decade and do the other things, not because they are easy"),
  language: "en",
  languageProbability: 0.99,
  noSpeechProbability: 0.02,
  meanLogProbability: -0.2,
  tokens: [],
};

for (const [name, change, want] of [
  ["speech", {}, "good"],
  [
    "nothing written, however sure of silence",
    { words: [], noSpeechProbability: 0.99, meanLogProbability: -3 },
    "good",
  ],
  ["unsure words where there is no speech", { noSpeechProbability: 0.7, meanLogProbability: -1.2 }, "no-speech"],
  ["sure words that begin with a pause", { noSpeechProbability: 0.9, meanLogProbability: -0.4 }, "good"],
  ["unsure words where there is speech", { meanLogProbability: -1.2 }, "unsure"],
  ["a language hardly recognised", { languageProbability: 0.3 }, "unsure"],
  ["a sentence over and over", { words: said("Thank you for watching this video. ".repeat(9).trim()) }, "loop"],
  ["a word over and over", { words: said("so ".repeat(9).trim()) }, "loop"],
  ["a loop after good words", { words: said(`He went home and ${"then he went, ".repeat(5)}`.trim()) }, "loop"],
] as const) {
  test(`judge: ${name} is ${want}`, () => assert.equal(judge({ ...sure, ...change }), want));
}

test("the compression ratio is that of Python's zlib", () => {
  // python3 -c 'import zlib; t=b"la la la la la la la la la la la la"; print(len(t)/len(zlib.compress(t)))'
  assert.equal(compressionRatio(Array(12).fill("la").join(" ")).toFixed(3), (35 / 13).toFixed(3));
  assert.equal(compressionRatio(""), 0);
});

test("people repeat themselves a little", () => {
  for (const text of ["no no no no", "I know I know I know what you mean", "one two three four five six seven eight"]) {
    assert.equal(hasLoop(text.split(" ")), false, text);
  }
});
