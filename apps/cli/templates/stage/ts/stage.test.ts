import assert from "node:assert/strict";
import { test } from "node:test";
import { inWords } from "./stage.ts";

test("films up to twenty minutes are short", () => {
  assert.equal(inWords(11_400), "short film of 11 seconds");
  assert.equal(inWords(600_000), "short film of 10 minutes");
  assert.equal(inWords(5_400_000), "long film of 90 minutes");
});
