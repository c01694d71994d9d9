import type { ModelEntryInput } from "../manifest-schema.ts";

/** What transformers.js reads of a BERT-like encoder: the tokenizer, the configuration, and the weights of one dtype (q8 is `_quantized`). */
const FILES = {
  "config.json": {},
  "tokenizer.json": {},
  "tokenizer_config.json": {},
  "special_tokens_map.json": { optional: true },
  "onnx/model_quantized.onnx": {},
} as const;

/** Meaning of sentences: `embed.text` of the standard profile.
 * The int8 weights, not the float32 ones: a quarter of the download and of the memory, about twice the speed, and vectors at a cosine of 0.99 to
 * float32's. They depend on what else is in a batch, so one text is run at a time. */
export const sentenceModels: readonly ModelEntryInput[] = [
  {
    id: "all-minilm-l6-v2",
    profiles: ["standard"],
    purpose: "Meaning of English sentences as vectors",
    stages: ["embed.text"],
    revision: "sentence-transformers/all-MiniLM-L6-v2, int8 ONNX",
    licence: {
      spdx: "Apache-2.0",
      note: "Weights: sentence-transformers, Apache-2.0; their ONNX form: Xenova, under the same licence.",
    },
    source: { kind: "hf", repo: "Xenova/all-MiniLM-L6-v2", revision: "main" },
    files: FILES,
    runtime: "transformers.js",
    preprocessing:
      "WordPiece, at most 256 tokens a pass, one text at a time; mean over the last states, L2-normalised. Longer texts are cut in halves, the states of all parts averaged.",
  },
  {
    id: "multilingual-e5-small",
    profiles: ["standard"],
    purpose: "Meaning of sentences in about a hundred languages as vectors",
    stages: ["embed.text"],
    revision: "intfloat/multilingual-e5-small, int8 ONNX",
    licence: {
      spdx: "MIT",
      note: "Weights: intfloat (Microsoft), MIT; their ONNX form: Xenova, under the same licence.",
    },
    source: { kind: "hf", repo: "Xenova/multilingual-e5-small", revision: "main" },
    files: FILES,
    runtime: "transformers.js",
    preprocessing:
      "`query: ` before a query, `passage: ` before what it is to find; SentencePiece, at most 512 tokens a pass, one text at a time; mean over the last states, L2-normalised. Longer texts are cut in halves, the states of all parts averaged.",
  },
];
