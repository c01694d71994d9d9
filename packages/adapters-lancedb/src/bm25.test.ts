import assert from "node:assert/strict";
import { test } from "node:test";
import { bm25, idf } from "./bm25.ts";

// Worked by hand from the formula: idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * length / mean length)).
for (const [name, tokens, want] of [
  ["one term once, at mean length", "a x x x", Math.log(1 + 7.5 / 3.5)],
  ["a term twice", "a a x x", (Math.log(1 + 7.5 / 3.5) * 2 * 2.2) / 3.2],
  ["half the mean length", "a x", (Math.log(1 + 7.5 / 3.5) * 2.2) / (1 + 1.2 * 0.625)],
  ["two terms add up", "a b x x", Math.log(1 + 7.5 / 3.5) + Math.log(1 + 9.5 / 1.5)],
  ["no term", "x y z", 0],
] as const)
  test(`bm25: ${name}`, () => {
    const idfs = new Map([
      ["a", idf(10, 3)],
      ["b", idf(10, 1)],
    ]);
    const got = bm25(tokens.split(" "), idfs, { rows: 10, tokens: 40 });
    assert.ok(Math.abs(got - want) < 1e-12, `${got}, not ${want}`);
  });

test("idf is positive even for a term that every row has", () => assert.ok(idf(10, 10) > 0));
