export { createEmbedTextStage, type QueryVector } from "./embed-text-stage.ts";
export { type EmbeddedText, TextEmbedder } from "./text-embedder.ts";
export { TEXT_MODEL, TextModel } from "./text-model.ts";
export { WordVectors } from "./word-vectors.ts";
