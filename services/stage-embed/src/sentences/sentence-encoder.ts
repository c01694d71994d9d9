import { EngineError, sessionOptions } from "@heimdex/engine";
import { AutoModel, AutoTokenizer, type PreTrainedModel, type PreTrainedTokenizer } from "@huggingface/transformers";
import { localModelsOnly } from "../local-transformers.ts";
import { unitVector } from "../unit-vector.ts";

export interface SentenceEncoderOptions {
  /** The model's folder, in the hub's layout. */
  readonly dir: string;
  /** Numbers in a vector. */
  readonly dimension: number;
  /** Tokens of one pass, the two that begin and end it included. */
  readonly window: number;
  /** Of one pass. */
  readonly threads: number;
}

/** A sentence model in this process: text to vector. Blocks its thread while it runs, so only engine processes use it.
 *
 * One text is run at a time: dynamically quantised models choose the range of their activations per call, so a vector made together with others
 * would depend on them. The vector is the mean over the last layer's states of all tokens, L2-normalised (N. Reimers, I. Gurevych, "Sentence-BERT",
 * EMNLP 2019). A text of more tokens than the window is cut in halves, at the space nearest to the middle, until each part fits; its vector is then
 * the mean of the parts' states, so that no end of it is lost. */
export class SentenceEncoder {
  readonly #tokenizer: PreTrainedTokenizer;
  readonly #model: PreTrainedModel;
  readonly #options: SentenceEncoderOptions;

  private constructor(tokenizer: PreTrainedTokenizer, model: PreTrainedModel, options: SentenceEncoderOptions) {
    this.#tokenizer = tokenizer;
    this.#model = model;
    this.#options = options;
  }

  /** Loads the model and tries it on a word. @throws EngineError MODEL_UNUSABLE when a file is missing, damaged, or another model's */
  static async open(options: SentenceEncoderOptions): Promise<SentenceEncoder> {
    localModelsOnly();
    try {
      const local = { local_files_only: true } as const;
      const tokenizer = await AutoTokenizer.from_pretrained(options.dir, local);
      const model = await AutoModel.from_pretrained(options.dir, {
        ...local,
        dtype: "q8",
        device: "cpu",
        session_options: sessionOptions(options.threads),
      });
      const encoder = new SentenceEncoder(tokenizer, model, options);
      await encoder.encode("", "word");
      return encoder;
    } catch (error) {
      throw new EngineError("MODEL_UNUSABLE", error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  /** L2-normalised; undefined for a text of white space.
   * @param prefix put before the text, and before each part of it
   * @throws EngineError MODEL_UNUSABLE when model and tokenizer do not go together */
  async encode(prefix: string, text: string): Promise<Float32Array | undefined> {
    const whole = text.toWellFormed().trim();
    if (whole === "") return undefined;
    const sum = new Float64Array(this.#options.dimension);
    for (const ids of this.#partsOf(prefix, whole)) await this.#addStates(ids, sum);
    return unitVector(sum);
  }

  *#partsOf(prefix: string, text: string): Generator<PassInput> {
    const input = this.#tokenizer(prefix + text) as PassInput;
    const tokens = input.input_ids.dims[1] as number;
    if (tokens <= this.#options.window || text.length < 2) {
      yield input;
      return;
    }
    const cut = middleOf(text);
    for (const part of [text.slice(0, cut), text.slice(cut)]) {
      if (part.trim() !== "") yield* this.#partsOf(prefix, part.trim());
    }
  }

  async #run(input: PassInput): Promise<{ readonly last_hidden_state?: PassInput["input_ids"] }> {
    try {
      return await this.#model(input);
    } catch (error) {
      const { message } = error as Error;
      throw new EngineError("MODEL_UNUSABLE", `its weights do not take what its tokenizer gives: ${message}`, {
        cause: error,
      });
    }
  }

  async #addStates(input: PassInput, sum: Float64Array): Promise<void> {
    const { last_hidden_state: states } = await this.#run(input);
    // Once: a tensor is a proxy, and each look through it costs as much as a hundred additions.
    const [, tokens = 0, dimension = 0] = states?.dims ?? [];
    const data = states?.data;
    if (!(data instanceof Float32Array) || dimension !== sum.length) {
      throw new EngineError("MODEL_UNUSABLE", `it gives vectors of ${dimension} numbers, not ${sum.length}`);
    }
    for (let token = 0, at = 0; token < tokens; token++) {
      for (let i = 0; i < dimension; i++) (sum[i] as number) += data[at++] as number;
    }
  }
}

interface PassInput {
  readonly input_ids: { readonly dims: readonly number[]; readonly data: unknown };
}

/** Where to cut a text in two: behind the space nearest to its middle; without one in its middle, but within no character. */
function middleOf(text: string): number {
  const middle = Math.floor(text.length / 2);
  const before = text.lastIndexOf(" ", middle);
  const after = text.indexOf(" ", middle);
  const nearest = after < 0 || (before > 0 && middle - before <= after - middle) ? before : after;
  if (nearest > 0) return nearest + 1;
  const low = text.charCodeAt(middle);
  return low >= 0xdc00 && low <= 0xdfff ? middle - 1 : middle;
}
