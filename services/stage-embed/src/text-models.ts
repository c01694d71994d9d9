import { type LocatedModel, locateModel } from "@heimdex/models";
import { StageFailure } from "@heimdex/stage-sdk";
import { SentenceEmbedder } from "./sentences/sentence-embedder.ts";
import { SENTENCE_MODELS } from "./sentences/sentence-model.ts";
import type { TextEmbedder } from "./text-embedder.ts";
import { WORD_MODEL, WordEmbedder } from "./words/word-embedder.ts";

type Located = Extract<LocatedModel, { available: true }>;

/** Every text model this service can run, by id. */
const OPENERS: ReadonlyMap<string, (located: Located) => TextEmbedder> = new Map([
  [WORD_MODEL, (located: Located): TextEmbedder => new WordEmbedder(located)],
  ...SENTENCE_MODELS.map((model) => [model.id, (located: Located) => new SentenceEmbedder(model, located)] as const),
]);

/** The text models of this process: the chosen one, and those of other spaces once a query asks for them. */
export class TextModels implements AsyncDisposable {
  /** Id of the model that texts are embedded with. */
  readonly chosen: string;
  readonly #open = new Map<string, TextEmbedder>();

  constructor(chosen: string) {
    this.chosen = chosen;
  }

  /** Where the chosen model is, or why it cannot be used. */
  locate(): Promise<LocatedModel> {
    return locateModel(this.chosen);
  }

  /** Rejects with TERMINAL NO_MODEL when the chosen model is not there. */
  async ofChosen(): Promise<TextEmbedder> {
    const located = await this.locate();
    if (located.available) return this.#opened(located);
    throw new StageFailure("TERMINAL", located.reason, `The model ${this.chosen} is not there.`, {
      help: located.help,
    });
  }

  /** The model whose vectors are of that space, whether chosen or not: while one model takes over from another, the old space still answers.
   * Rejects with TERMINAL SPACE_UNKNOWN when none of the model folder is. */
  async ofSpace(space: string): Promise<TextEmbedder> {
    for (const id of [this.chosen, ...OPENERS.keys()]) {
      const located = await locateModel(id);
      if (!located.available) continue;
      const embedder = this.#opened(located);
      if (embedder.space.id === space) return embedder;
    }
    throw new StageFailure("TERMINAL", "SPACE_UNKNOWN", `No text model that is here makes vectors of space ${space}.`, {
      help: "The model that made them was removed, or has other files now: `heimdex models pull` it, or index again with the one chosen.",
    });
  }

  /** Opening loads nothing. */
  #opened(located: Located): TextEmbedder {
    const key = `${located.id} ${located.sha256}`;
    const known = this.#open.get(key);
    if (known !== undefined) return known;
    const opener = OPENERS.get(located.id);
    if (opener === undefined) throw new Error(`embed.text cannot run ${located.id}`);
    const opened = opener(located);
    this.#open.set(key, opened);
    return opened;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#open.values()].map((embedder) => embedder[Symbol.asyncDispose]()));
  }
}
