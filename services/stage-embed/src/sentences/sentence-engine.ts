import { hostEngine } from "@heimdex/engine";
import { SentenceEncoder, type SentenceEncoderOptions } from "./sentence-encoder.ts";

/** Texts to embed, one after the other. */
export interface SentenceRequest {
  readonly prefix: string;
  readonly texts: readonly string[];
}

/** A vector for each text; undefined for one of white space. */
export type SentenceResponse = (Float32Array | undefined)[];

hostEngine<SentenceEncoderOptions, SentenceRequest, SentenceResponse>(async (options) => {
  const encoder = await SentenceEncoder.open(options);
  return async ({ prefix, texts }) => {
    const vectors: SentenceResponse = [];
    for (const text of texts) vectors.push(await encoder.encode(prefix, text));
    return vectors;
  };
});
