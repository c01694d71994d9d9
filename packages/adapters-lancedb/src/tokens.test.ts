import assert from "node:assert/strict";
import { test } from "node:test";
import { analyzeWords, cleanTokens } from "./tokens.ts";

for (const [text, want] of [
  ["The Quick, brown-fox.", ["the", "quick", "brown", "fox"]],
  ["Straße ΑΒΓ", ["straße", "αβγ"]],
  ["ｆｕｌｌ ﬁne", ["full", "fine"]],
  ["नमस्ते 日本語 42", ["नमस्ते", "日本語", "42"]],
  ["?! --", []],
] as const)
  test(`words of ${JSON.stringify(text)}`, () => assert.deepEqual(analyzeWords(text), want));

test("tokens are split at any white space, cut at 200 units, and well-formed", () =>
  assert.deepEqual(cleanTokens(["a b\u0085c\u00a0d", "", " ", "x".repeat(300), "\ud83c"]), [
    "a",
    "b",
    "c",
    "d",
    "x".repeat(200),
    "\ufffd",
  ]));
