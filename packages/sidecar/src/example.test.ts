import assert from "node:assert/strict";
import { test } from "node:test";
import { checkSidecar } from "./check-sidecar.ts";
import { LAYER_KINDS } from "./layers.ts";
import { readSidecar } from "./read-sidecar.ts";
import { sidecar } from "./sidecar.ts";
import { exampleSidecar, publishedValidator } from "./testing.ts";

test("the worked example is valid for zod, for the published JSON Schema and for checkSidecar", () => {
  assert.deepEqual(sidecar.parse(exampleSidecar()), exampleSidecar());
  const validate = publishedValidator();
  assert.ok(validate(exampleSidecar()), JSON.stringify(validate.errors, undefined, 1));
  assert.deepEqual(checkSidecar(exampleSidecar()), []);
  assert.deepEqual(readSidecar(exampleSidecar()), exampleSidecar());
});

test("the worked example shows every kind of layer, a custom one, and every way a run ends", () => {
  const { layers, runs, media } = exampleSidecar();
  const kinds = new Set(layers.map(({ kind }) => kind));
  for (const kind of [...LAYER_KINDS, "org.example.loudness"]) assert.ok(kinds.has(kind), kind);
  assert.deepEqual([...new Set(runs.map(({ status }) => status))].sort(), ["EMPTY", "FAILED", "OK", "SKIPPED"]);
  assert.equal(media?.duration_ms, 60_000);
});
