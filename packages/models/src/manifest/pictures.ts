import type { ModelEntryInput } from "../manifest-schema.ts";

/** Meaning of pictures: `embed.image`. */
export const pictureModels: readonly ModelEntryInput[] = [
  {
    id: "human-pictures",
    profiles: ["bundled"],
    purpose: "Looks of pictures as vectors, from within an object detector",
    stages: ["embed.image"],
    revision: "CenterNet on MobileNetV3, COCO, as in human 3.3.6",
    licence: {
      spdx: "MIT",
      note: "Package: Vladimir Mandic, MIT (text included). The weights come from github.com/610265158/mobilenetv3_centernet, as the graph says, which states no licence of its own.",
    },
    source: {
      kind: "npm",
      package: "@vladmandic/human",
      version: "3.3.6",
      integrity: "sha512-Nr5mPfq1gQ+uKeXY5uM3Fj8UxvF5CEh2s6txM5wRThqaW0mF9huooOuZSrT8hhGho0hGaXLFdAwfD/2+teCv6A==",
      size: 28_615_417,
    },
    files: {
      "centernet.json": {
        path: "models/centernet.json",
        sha256: "bfb942eaacc5becf738d536663bc4580a0ae9e560722306e6d4dd7fe4a09de05",
        size: 201_673,
      },
      "centernet.bin": {
        path: "models/centernet.bin",
        sha256: "1b635a15009071f506f9f2b3519b31c072c534888989f30d269ffd44734ef7ef",
        size: 4_030_290,
      },
    },
    runtime: "tfjs-wasm",
    preprocessing:
      "256x256 by Pillow's bilinear filter, R G B of 0..255; means of tower_0/MobilenetV3/expanded_conv_14/add over the whole and over each quarter, both L2-normalised, then together.",
  },
  {
    id: "siglip2-base-patch16-224",
    profiles: ["standard"],
    purpose: "Meaning of pictures and of words about them, in one space",
    stages: ["embed.image"],
    revision: "google/siglip2-base-patch16-224, int8 ONNX",
    licence: {
      spdx: "Apache-2.0",
      note: "Weights: Google, Apache-2.0; their ONNX form: ONNX Community, under the same licence.",
    },
    source: { kind: "hf", repo: "onnx-community/siglip2-base-patch16-224-ONNX", revision: "main" },
    // What transformers.js reads of a model in two halves. The picture's preparation is our own, so preprocessor_config.json is not needed.
    files: {
      "config.json": {},
      "tokenizer.json": {},
      "tokenizer_config.json": {},
      "special_tokens_map.json": { optional: true },
      "onnx/vision_model_quantized.onnx": {},
      "onnx/text_model_quantized.onnx": {},
    },
    runtime: "transformers.js",
    preprocessing:
      "Pictures: 224x224 by Pillow's bilinear filter, R G B taken from 0..255 to -1..1. Texts: lower case, 64 tokens, padded or cut. Pooled outputs, L2-normalised.",
  },
];
