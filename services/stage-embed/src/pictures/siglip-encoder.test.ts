import assert from "node:assert/strict";
import { rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { EngineError } from "@heimdex/engine";
import { furthest, madePicture, REFERENCE, tinyModel } from "../testing/tiny-models.ts";
import { planesOf, SiglipEncoder } from "./siglip-encoder.ts";

const open = (dir: string, texts = true) => SiglipEncoder.open({ dir, dimension: 768, side: 224, texts, threads: 1 });

test("SigLIP: gives what the same model gives in Python, for pictures scaled by Pillow and for texts", async (t) => {
  const encoder = await open(await tinyModel(t, "siglip"));
  for (const [size, vector] of Object.entries(REFERENCE.pictures)) {
    const [width = 0, height = 0] = size.split("x").map(Number);
    assert.ok(furthest(await encoder.encodePicture(madePicture(width, height)), vector) < 1e-6, size);
  }
  for (const [text, vector] of Object.entries(REFERENCE.captions)) {
    assert.ok(furthest(await encoder.encodeText?.(text), vector) < 1e-6, text);
  }
});

test("SigLIP: a text longer than the model takes is cut, white space has no vector", async (t) => {
  const encoder = await open(await tinyModel(t, "siglip"));
  const long = "abcdefghij".repeat(7);
  assert.deepEqual(await encoder.encodeText?.(long.slice(0, 66)), await encoder.encodeText?.(long));
  assert.equal(await encoder.encodeText?.(" \n"), undefined);
});

test("SigLIP: without a wish for texts their half of the model need not be there", async (t) => {
  const dir = await tinyModel(t, "siglip");
  for (const file of ["onnx/text_model_quantized.onnx", "tokenizer.json"]) await rm(join(dir, file));
  const encoder = await open(dir, false);
  assert.equal((await encoder.encodePicture(madePicture(8, 8))).length, 768);
  assert.equal(encoder.encodeText, undefined);
  await assert.rejects(open(dir), (e) => e instanceof EngineError && e.code === "MODEL_UNUSABLE");
});

test("SigLIP: weights cut off are MODEL_UNUSABLE", async (t) => {
  const dir = await tinyModel(t, "siglip");
  await truncate(join(dir, "onnx/vision_model_quantized.onnx"), 10_000);
  await assert.rejects(open(dir), (e) => e instanceof EngineError && e.code === "MODEL_UNUSABLE");
});

test("planesOf: three planes, black to -1 and white to 1", () => {
  const planes = planesOf({ width: 2, height: 1, rgb: Uint8Array.of(0, 255, 51, 255, 0, 204) });
  assert.deepEqual(
    [...planes].map((value) => Math.round(value * 1000) / 1000),
    [-1, 1, 1, -1, -0.6, 0.6],
  );
});
