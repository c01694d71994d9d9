import assert from "node:assert/strict";
import { readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { EngineError } from "@heimdex/engine";
import { furthest, REFERENCE, tinyModel } from "../testing/tiny-models.ts";
import { SentenceEncoder } from "./sentence-encoder.ts";

const open = (dir: string, window = 64) => SentenceEncoder.open({ dir, dimension: 384, window, threads: 1 });
const unusable = (pattern: RegExp) => (error: unknown) =>
  error instanceof EngineError && error.code === "MODEL_UNUSABLE" && pattern.test(error.message);

test("sentence encoder: gives what the same model gives in Python", async (t) => {
  const encoder = await open(await tinyModel(t, "bert"));
  for (const [text, vector] of Object.entries(REFERENCE.sentences)) {
    const [prefix, rest] = text.startsWith("query: ") ? ["query: ", text.slice(7)] : ["", text];
    assert.ok(furthest(await encoder.encode(prefix, rest), vector) < 1e-6, text);
  }
});

test("sentence encoder: a text longer than the window counts to its end, part by part", async (t) => {
  const { text, window, vector } = REFERENCE.long;
  const encoder = await open(await tinyModel(t, "bert"), window);
  assert.ok(furthest(await encoder.encode("", text), vector) < 1e-6);
  // Without spaces, and with a character of two code units in the middle.
  for (const endless of ["boat".repeat(200), `${"b".repeat(19)}🙂${"t".repeat(20)}`])
    assert.equal((await encoder.encode("", endless))?.length, 384);
});

test("sentence encoder: white space has no vector, half a character is no error", async (t) => {
  const encoder = await open(await tinyModel(t, "bert"));
  for (const nothing of ["", " \n\t "]) assert.equal(await encoder.encode("query: ", nothing), undefined);
  assert.equal((await encoder.encode("", "boat \ud83d"))?.length, 384);
});

test("sentence encoder: a text's vector does not depend on those before it", async (t) => {
  const encoder = await open(await tinyModel(t, "bert"));
  const alone = await encoder.encode("", "the boat");
  await encoder.encode("", REFERENCE.long.text);
  assert.deepEqual(await encoder.encode("", "the boat"), alone);
});

for (const [name, spoil, says] of [
  ["no tokenizer", (dir: string) => rm(join(dir, "tokenizer.json")), /tokenizer\.json/],
  ["no weights", (dir: string) => rm(join(dir, "onnx"), { recursive: true }), /model_quantized\.onnx/],
  ["weights cut off", (dir: string) => truncate(join(dir, "onnx/model_quantized.onnx"), 20_000), /./],
  ["weights that are none", (dir: string) => writeFile(join(dir, "onnx/model_quantized.onnx"), "not a model"), /./],
  ["a tokenizer cut off", (dir: string) => truncate(join(dir, "tokenizer.json"), 500), /JSON/],
] as const) {
  test(`sentence encoder: ${name} is MODEL_UNUSABLE`, async (t) => {
    const dir = await tinyModel(t, "bert");
    await spoil(dir);
    await assert.rejects(open(dir), unusable(says));
  });
}

test("sentence encoder: a model of another space is MODEL_UNUSABLE and says how large its vectors are", async (t) => {
  const dir = await tinyModel(t, "bert");
  await assert.rejects(
    SentenceEncoder.open({ dir, dimension: 768, window: 64, threads: 1 }),
    unusable(/384 numbers, not 768/),
  );
});

test("sentence encoder: another model's tokenizer is MODEL_UNUSABLE once it names a token the model lacks", async (t) => {
  const dir = await tinyModel(t, "bert");
  const tokenizer = join(dir, "tokenizer.json");
  await writeFile(tokenizer, (await readFile(tokenizer, "utf8")).replace(/("dawn": )\d+/, "$19999"));
  const encoder = await open(dir);
  await assert.rejects(encoder.encode("", "at dawn"), unusable(/./));
  assert.equal((await encoder.encode("", "at"))?.length, 384);
});
