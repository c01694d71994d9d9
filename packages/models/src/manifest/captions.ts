import type { ModelEntryInput } from "../manifest-schema.ts";

/** Say what a picture shows: `vision.describe`. None is bundled: no package of a registry carries one.
 * Florence-2 in the four networks transformers.js loads for it. The language side as int8, a quarter of the download; float32 where pictures are read,
 * and the table of words. */
export const captionModels: readonly ModelEntryInput[] = [
  {
    id: "florence-2-base",
    profiles: ["standard"],
    purpose: "Describes pictures in English sentences",
    stages: ["vision.describe"],
    revision: "microsoft/Florence-2-base-ft, float32 and int8 ONNX",
    licence: {
      spdx: "MIT",
      note: "Weights: Microsoft, MIT; their ONNX form: onnx-community, under the same licence.",
    },
    source: { kind: "hf", repo: "onnx-community/Florence-2-base-ft", revision: "main" },
    files: {
      "config.json": {},
      "generation_config.json": {},
      "preprocessor_config.json": {},
      "tokenizer.json": {},
      "tokenizer_config.json": {},
      "onnx/vision_encoder.onnx": {},
      "onnx/embed_tokens.onnx": {},
      "onnx/encoder_model_quantized.onnx": {},
      "onnx/decoder_model_merged_quantized.onnx": {},
    },
    runtime: "transformers.js",
    preprocessing:
      "RGB stretched to 768 x 768 (bicubic), ImageNet mean and deviation; the task's own prompt; greedy decoding, no three tokens twice, at most 48, 128 or 256 tokens.",
  },
];
