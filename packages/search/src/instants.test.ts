import assert from "node:assert/strict";
import { test } from "node:test";
import { instantAt, readInstants, writeInstants } from "./instants.ts";

test("times come back as they were written", () => {
  const instants = {
    texts: { spoken: [[1_200, 1_500, 1_480], [9_000]], labels: [[0]], written: [] },
    vectors: { "space a": [0, 14_000] },
  };
  assert.deepEqual(readInstants(writeInstants(instants)), instants);
  assert.deepEqual(readInstants(""), { texts: {}, vectors: {} });
});

test("a word has its own time, or its line's; what is not there has none", () => {
  const text = "the boat left\nthe harbour";
  const lines = [[100, 200, 300], [900]];
  const at = (word: string) => instantAt(lines, text, text.indexOf(word));
  assert.deepEqual([at("the"), at("boat"), at("left"), at("harbour")], [100, 200, 300, 900]);
  assert.equal(instantAt([[100]], text, text.indexOf("harbour")), undefined);
  assert.equal(instantAt(undefined, text, 0), undefined);
});
