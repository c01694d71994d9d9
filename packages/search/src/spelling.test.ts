import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze } from "./analyze.ts";
import { spelling } from "./spelling.ts";

for (const [british, american] of [
  ["harbour", "harbor"],
  ["neighbourhoods", "neighborhoods"],
  ["honourable", "honorable"],
  ["theatres", "theaters"],
  ["centred", "centered"],
  ["organisations", "organizations"],
  ["recognised", "recognized"],
  ["analysing", "analyzing"],
  ["travelled", "traveled"],
  ["grey", "gray"],
] as const)
  test(`spelling: ${british} is ${american}`, () => assert.equal(spelling(british), american));

for (const word of [
  "four",
  "your",
  "hour",
  "tour",
  "contour",
  "surprise",
  "exercise",
  "wise",
  "fire",
  "more",
  "called",
  "controlled",
])
  test(`spelling: ${word} stays`, () => assert.equal(spelling(word), word));

test("a British query finds American words, and the other way round", () => {
  for (const [british, american] of [
    ["The harbour's colours", "the harbor's colors"],
    ["travelling to the theatre", "traveling to the theater"],
    ["an organised programme", "an organized program"],
  ] as const)
    assert.deepEqual(analyze(british), analyze(american));
});
