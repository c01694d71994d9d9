import assert from "node:assert/strict";
import { test } from "node:test";
import { MODELS } from "./manifest.ts";
import { type ModelEntryInput, modelEntrySchema } from "./manifest-schema.ts";

const digest = { sha256: "a".repeat(64), size: 1 };
const hub: ModelEntryInput = {
  id: "tiny",
  profiles: ["standard"],
  purpose: "A test's own model",
  stages: ["test.stage"],
  revision: "1",
  licence: { spdx: "Apache-2.0", note: "Made by this test." },
  source: { kind: "hf", repo: "somebody/tiny", revision: "main" },
  files: { "onnx/model_quantized.onnx": {}, "generation_config.json": { optional: true } },
  runtime: "heimdex",
  preprocessing: "none",
};
const isValid = (entry: unknown) => modelEntrySchema.safeParse(entry).success;

test("files of a hub need no digest and may lie in folders", () => {
  assert.ok(isValid(hub));
});

for (const name of [
  "../model.onnx",
  "onnx/../../model.onnx",
  "/etc/passwd",
  "onnx//model.onnx",
  "onnx/",
  "..",
  ".verified",
  "onnx/.verified",
  "onnx\\model.onnx",
  "C:/model.onnx",
  "a\nb",
  "",
]) {
  test(`a file may not lie at ${JSON.stringify(name)}, here or at its source`, () => {
    assert.ok(!isValid({ ...hub, files: { [name]: {} } }));
    assert.ok(!isValid({ ...hub, files: { "model.onnx": { path: name } } }));
  });
}

test("a file is not a folder of another file", () => {
  assert.ok(!isValid({ ...hub, files: { onnx: {}, "onnx/model.onnx": {} } }));
});

test("an address without the hub's own promises needs digests for every file", () => {
  const source = { kind: "https", baseUrl: "https://models.example/tiny/" };
  assert.ok(isValid({ ...hub, source, files: { "model.onnx": digest } }));
  assert.ok(!isValid({ ...hub, source, files: { "model.onnx": {} } }));
  assert.ok(!isValid({ ...hub, source, files: { "model.onnx": { ...digest, optional: true } } }));
  assert.ok(
    !isValid({ ...hub, source: { ...source, baseUrl: "http://models.example/" }, files: { "model.onnx": digest } }),
  );
});

test("every stage of the manifest has at most one bundled choice, so that the default does not hang on the order", () => {
  const bundled = MODELS.filter(({ profiles, choice }) => profiles.includes("bundled") && choice !== false);
  const stages = bundled.flatMap((entry) => entry.stages);
  assert.deepEqual(stages, [...new Set(stages)]);
});
