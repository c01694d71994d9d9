/** What a sentence model wants done around it. */
export interface SentenceModel {
  readonly id: string;
  /** Numbers in a vector. */
  readonly dimension: number;
  /** Tokens of one pass, the two that begin and end it included. */
  readonly window: number;
  /** Put before a query, and before a text that queries are to find; empty for models that were trained without. */
  readonly queryPrefix: string;
  readonly textPrefix: string;
}

/** Names what sentence-encoder.ts does; any change of results needs another name, and so makes another space. */
export const PREPROCESSING = "mean-pooling-l2-halves-1";

/** Sentence models that can be chosen for `embed.text`. Both pool the last layer's states by their mean; they take texts of at most `window` tokens.
 * Sources: the model cards of sentence-transformers/all-MiniLM-L6-v2 (trained to 128 tokens, cut at 256 by its authors' software) and
 * intfloat/multilingual-e5-small ("query: " and "passage: " before each text, 512 tokens). */
export const SENTENCE_MODELS: readonly SentenceModel[] = [
  { id: "all-minilm-l6-v2", dimension: 384, window: 256, queryPrefix: "", textPrefix: "" },
  { id: "multilingual-e5-small", dimension: 384, window: 512, queryPrefix: "query: ", textPrefix: "passage: " },
];

export const sentenceModel = (id: string): SentenceModel | undefined =>
  SENTENCE_MODELS.find((model) => model.id === id);
