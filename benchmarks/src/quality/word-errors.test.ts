import assert from "node:assert/strict";
import { test } from "node:test";
import { wordErrorRate } from "./word-errors.ts";

for (const [name, said, heard, want] of [
  [
    "all right, whatever the case and punctuation",
    "Open the door, John's old-fashioned.",
    "open the door john's old fashioned",
    0,
  ],
  ["one word wrong of four", "open the front door", "open a front door", 1 / 4],
  ["one word missing of four", "open the front door", "open front door", 1 / 4],
  ["one word invented", "open the front door", "open the the front door", 1 / 4],
  ["nothing heard", "open the front door", "", 1],
  ["nothing said, nothing heard", "", "", 0],
] as const) {
  test(`wordErrorRate: ${name}`, () => assert.equal(wordErrorRate(said, heard), want));
}
