export { createEmbedImageStage } from "./embed-image-stage.ts";
export { createEmbedTextStage } from "./embed-text-stage.ts";
export type { QueryVector } from "./query-vector.ts";
export { SentenceEmbedder } from "./sentences/sentence-embedder.ts";
export { SENTENCE_MODELS } from "./sentences/sentence-model.ts";
export { threadsFor } from "./threads.ts";
export { WordAverage } from "./words/word-average.ts";
export { WORD_MODEL, WordEmbedder } from "./words/word-embedder.ts";
export { WordVectors } from "./words/word-vectors.ts";
