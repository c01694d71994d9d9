import { EngineError, type Picture, resized, sessionOptions } from "@heimdex/engine";
import {
  AutoTokenizer,
  type PreTrainedModel,
  type PreTrainedTokenizer,
  SiglipTextModel,
  SiglipVisionModel,
  Tensor,
} from "@huggingface/transformers";
import { localModelsOnly } from "../local-transformers.ts";
import { unitVector } from "../unit-vector.ts";
import type { PictureEncoder } from "./picture-encoder.ts";

/** Tokens of a text: the length SigLIP 2 was trained at; shorter ones are padded to it, longer ones are cut. */
const TEXT_TOKENS = 64;

export interface SiglipOptions {
  /** The model's folder, in the hub's layout. */
  readonly dir: string;
  /** Numbers in a vector. */
  readonly dimension: number;
  /** Sides of the square picture the model takes, in pixels. */
  readonly side: number;
  /** Whether texts are asked for too. */
  readonly texts: boolean;
  /** Of one pass. */
  readonly threads: number;
}

/** SigLIP: pictures and texts in one space (M. Tschannen et al., "SigLIP 2: Multilingual Vision-Language Encoders", 2025). A picture is scaled to the
 * model's square by Pillow's bilinear filter, its channels taken from 0..255 to -1..1; a text is put in lower case, as it was in training. Both vectors
 * are the models' pooled outputs, L2-normalised. */
export class SiglipEncoder implements PictureEncoder {
  readonly encodeText: ((text: string) => Promise<Float32Array | undefined>) | undefined;
  readonly #vision: PreTrainedModel;
  readonly #options: SiglipOptions;

  private constructor(vision: PreTrainedModel, text: TextSide | undefined, options: SiglipOptions) {
    this.#vision = vision;
    this.#options = options;
    if (text !== undefined) this.encodeText = (words) => this.#encodeText(text, words);
  }

  /** Loads the models and tries them. @throws EngineError MODEL_UNUSABLE when a file is missing, damaged, or another model's */
  static async open(options: SiglipOptions): Promise<SiglipEncoder> {
    localModelsOnly();
    try {
      const local = { local_files_only: true } as const;
      const load = { ...local, dtype: "q8", device: "cpu", session_options: sessionOptions(options.threads) } as const;
      const vision = await SiglipVisionModel.from_pretrained(options.dir, load);
      const text = options.texts
        ? {
            tokenizer: await AutoTokenizer.from_pretrained(options.dir, local),
            model: await SiglipTextModel.from_pretrained(options.dir, load),
          }
        : undefined;
      const encoder = new SiglipEncoder(vision, text, options);
      await encoder.encodePicture({ width: 1, height: 1, rgb: Uint8Array.of(255, 128, 0) });
      await encoder.encodeText?.("word");
      return encoder;
    } catch (error) {
      throw new EngineError("MODEL_UNUSABLE", error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  async encodePicture(picture: Picture): Promise<Float32Array> {
    const { side } = this.#options;
    const pixel_values = new Tensor("float32", planesOf(resized(picture, side, side)), [1, 3, side, side]);
    return this.#pooled(await this.#vision({ pixel_values }));
  }

  async #encodeText({ tokenizer, model }: TextSide, text: string): Promise<Float32Array | undefined> {
    const words = text.toWellFormed().trim().toLowerCase();
    if (words === "") return undefined;
    return this.#pooled(
      await model(tokenizer(words, { padding: "max_length", truncation: true, max_length: TEXT_TOKENS })),
    );
  }

  #pooled(output: unknown): Float32Array {
    const pooled = (output as { pooler_output?: Tensor }).pooler_output;
    if (!(pooled?.data instanceof Float32Array) || pooled.data.length !== this.#options.dimension) {
      const size = pooled?.data.length ?? 0;
      throw new EngineError("MODEL_UNUSABLE", `it gives vectors of ${size} numbers, not ${this.#options.dimension}`);
    }
    return unitVector(pooled.data);
  }
}

interface TextSide {
  readonly tokenizer: PreTrainedTokenizer;
  readonly model: PreTrainedModel;
}

/** Three planes R, G, B of numbers from -1 to 1. */
export function planesOf({ rgb }: Picture): Float32Array {
  const plane = rgb.length / 3;
  const values = new Float32Array(rgb.length);
  for (let at = 0; at < plane; at++) {
    for (let c = 0; c < 3; c++) values[c * plane + at] = ((rgb[at * 3 + c] as number) / 255 - 0.5) / 0.5;
  }
  return values;
}
