import { EngineError, type Picture, sessionOptions } from "@heimdex/engine";
import {
  env,
  Florence2ForConditionalGeneration,
  Florence2Processor,
  RawImage,
  type Tensor,
} from "@huggingface/transformers";
import { captionText } from "./caption-text.ts";

/** How much is said: a sentence, a few, or a paragraph. */
export type Detail = "brief" | "detailed" | "paragraph";

/** The model's own tasks (Xiao et al., "Florence-2: Advancing a Unified Representation for a Variety of Vision Tasks", CVPR 2024), and tokens at most:
 * greedy decoding costs by the token, and one that loops must end. */
const TASKS = {
  brief: { task: "<CAPTION>", tokens: 48 },
  detailed: { task: "<DETAILED_CAPTION>", tokens: 128 },
  paragraph: { task: "<MORE_DETAILED_CAPTION>", tokens: 256 },
} as const satisfies Record<Detail, { task: string; tokens: number }>;

/** Weights by file: int8 for the language side, a quarter of the download and faster; float32 where pictures are read, as its convolutions gain nothing
 * on a CPU, and for the table of words, which is only looked up in. */
const DTYPES = {
  vision_encoder: "fp32",
  embed_tokens: "fp32",
  encoder_model: "q8",
  decoder_model_merged: "q8",
} as const;

/** Florence-2, by @huggingface/transformers on onnxruntime, from local files. Tokens, pictures (768 x 768, bicubic) and decoding are the library's. */
export class FlorenceCaptioner {
  readonly #model: Florence2ForConditionalGeneration;
  readonly #processor: Florence2Processor;

  private constructor(model: Florence2ForConditionalGeneration, processor: Florence2Processor) {
    this.#model = model;
    this.#processor = processor;
  }

  /** Loads the model and tries it.
   * @param dir the model's folder, in the hub's layout
   * @param threads of one run
   * @throws EngineError MODEL_UNUSABLE when a file is missing, damaged, or another model's */
  static async open(dir: string, threads: number): Promise<FlorenceCaptioner> {
    // This process reads models from local folders and nowhere else: no hub, no cache of the library's own.
    Object.assign(env, { allowRemoteModels: false, allowLocalModels: true, useFSCache: false, useBrowserCache: false });
    try {
      const local = { local_files_only: true } as const;
      const model = await Florence2ForConditionalGeneration.from_pretrained(dir, {
        ...local,
        dtype: DTYPES,
        device: "cpu",
        session_options: sessionOptions(threads),
      });
      const processor = await Florence2Processor.from_pretrained(dir, local);
      const captioner = new FlorenceCaptioner(
        model as Florence2ForConditionalGeneration,
        processor as Florence2Processor,
      );
      await captioner.#generate({ width: 1, height: 1, rgb: Uint8Array.of(255, 128, 0) }, "<CAPTION>", 2);
      return captioner;
    } catch (error) {
      throw new EngineError("MODEL_UNUSABLE", error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  /** What is seen in a picture, in English; empty when the model says nothing. The same picture gives the same text: nothing is drawn by chance. */
  async caption(picture: Picture, detail: Detail): Promise<string> {
    const { task, tokens } = TASKS[detail];
    const { text, whole } = await this.#generate(picture, task, tokens);
    return captionText(text, whole);
  }

  async #generate(
    { width, height, rgb }: Picture,
    task: string,
    maxTokens: number,
  ): Promise<{ text: string; whole: boolean }> {
    const inputs = await this.#processor(new RawImage(Uint8ClampedArray.from(rgb), width, height, 3), task);
    const options = { ...inputs, max_new_tokens: maxTokens, do_sample: false, num_beams: 1 };
    const ids = (await this.#model.generate(options)) as Tensor;
    const text = this.#processor.batch_decode(ids, { skip_special_tokens: false })[0] ?? "";
    const answer = this.#processor.post_process_generation(text, task, [height, width]) as Record<string, string>;
    return { text: answer[task] ?? "", whole: (ids.dims.at(-1) ?? 0) <= maxTokens };
  }
}
