import { tokensOf } from "@heimdex/search";
import type { WordVectors } from "./word-vectors.ts";

/** Names everything this file does to a text; any change of results needs another name, and so makes another space. */
export const PREPROCESSING = "sif-1e-3-zipf-stop-words-1";
/** The parameter a of SIF; its authors find 1e-4 to 1e-3 good. Between 3e-4 and 1e-2 our own evaluation hardly moves. */
const SIF_A = 1e-3;

export interface AveragedWords {
  /** L2-normalised; undefined when no word of the text is known. */
  readonly vector: Float32Array | undefined;
  /** Distinct words with a meaning of their own that the model knows, and that it does not; function words are in neither. */
  readonly known: readonly string[];
  readonly unknown: readonly string[];
}

/** One vector for a text: the average of its words' vectors, each weighted a / (a + p(word)), with function words left out.
 * This is smooth inverse frequency (S. Arora, Y. Liang, T. Ma, "A simple but tough-to-beat baseline for sentence embeddings", ICLR 2017). The
 * model carries no counts, but its words stand in order of frequency, so p comes from Zipf's law: p(rank) = 1 / (rank * H_n), from rank 1.
 * The paper's second step, removing the first principal component of the corpus, is left out on purpose: it would differ from corpus
 * to corpus, and a fixed one, taken from the vocabulary, made absent queries harder to tell from answerable ones (README.md of @heimdex/search).
 * Pure and synchronous: a query takes well under a millisecond. */
export class WordAverage {
  readonly #vectors: WordVectors;
  readonly #harmonic: number;

  constructor(vectors: WordVectors) {
    this.#vectors = vectors;
    let harmonic = 0;
    for (let rank = 1; rank <= vectors.size; rank++) harmonic += 1 / rank;
    this.#harmonic = harmonic;
  }

  embed(text: string): AveragedWords {
    const sum = new Float64Array(this.#vectors.dimension);
    const known = new Set<string>();
    const unknown = new Set<string>();
    for (const { folded, stop } of tokensOf(text)) {
      if (stop) continue;
      const row = this.#vectors.find(folded);
      if (row === undefined) {
        unknown.add(folded);
        continue;
      }
      known.add(folded);
      const probability = 1 / ((row + 1) * this.#harmonic);
      this.#vectors.addTo(sum, row, SIF_A / (SIF_A + probability));
    }
    const length = Math.hypot(...sum);
    const vector = length > 0 ? Float32Array.from(sum, (value) => value / length) : undefined;
    return { vector, known: [...known], unknown: [...unknown] };
  }
}
