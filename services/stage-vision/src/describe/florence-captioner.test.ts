import assert from "node:assert/strict";
import { rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { EngineError } from "@heimdex/engine";
import { chequered, REFERENCE, tinyFlorence } from "../testing/tiny-florence.ts";
import { type Detail, FlorenceCaptioner } from "./florence-captioner.ts";

const DETAIL: Record<string, Detail> = {
  "<CAPTION>": "brief",
  "<DETAILED_CAPTION>": "detailed",
  "<MORE_DETAILED_CAPTION>": "paragraph",
};

test("a captioner says what the same weights say in Python", async (t) => {
  const captioner = await FlorenceCaptioner.open(await tinyFlorence(t), 1);
  for (const { width, height, shade, task, text } of REFERENCE) {
    const said = await captioner.caption(chequered(width, height, shade), DETAIL[task] as Detail);
    assert.equal(said, text.trim(), `${width}x${height}, shade ${shade}, ${task}`);
  }
});

for (const [name, spoil] of [
  ["a missing tokenizer", (dir: string) => rm(join(dir, "tokenizer.json"))],
  ["a missing network", (dir: string) => rm(join(dir, "onnx", "vision_encoder.onnx"))],
  ["a network cut off", (dir: string) => truncate(join(dir, "onnx", "decoder_model_merged_quantized.onnx"), 900)],
] as const) {
  test(`a captioner with ${name} is refused`, async (t) => {
    const dir = await tinyFlorence(t);
    await spoil(dir);
    await assert.rejects(
      FlorenceCaptioner.open(dir, 1),
      (error) => error instanceof EngineError && error.code === "MODEL_UNUSABLE" && error.message.length > 0,
    );
  });
}
