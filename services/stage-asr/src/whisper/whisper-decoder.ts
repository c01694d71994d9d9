import { access } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { EngineError } from "@heimdex/engine";
import {
  AutoTokenizer,
  env,
  LogitsProcessorList,
  type Tensor,
  WhisperFeatureExtractor,
  WhisperForConditionalGeneration,
} from "@huggingface/transformers";
import type { RecognizedWord } from "../recognizer.ts";
import { SAMPLE_RATE } from "../wav-audio.ts";
import type { Decoding } from "./decoding.ts";
import { GuidedDecoding, type WhisperTokens } from "./guided-decoding.ts";

/** Seconds of one position of the encoder: two mel frames of 10 ms. */
const POSITION_S = 0.02;
/** Text tokens of one window at most: half the decoder's positions, as openai/whisper has it (`sample_len`). */
const MOST_TOKENS = 224;
/** Languages written without spaces, by the names transformers.js's word splitter knows. */
const UNSPACED: Readonly<Record<string, string>> = {
  zh: "chinese",
  ja: "japanese",
  th: "thai",
  lo: "lao",
  my: "myanmar",
};

/** What the model's `generation_config.json` says, as far as it is needed here. */
interface GenerationConfig {
  readonly is_multilingual?: boolean;
  readonly lang_to_id?: Readonly<Record<string, number>>;
  readonly task_to_id?: Readonly<Record<string, number>>;
  readonly no_timestamps_token_id: number;
  readonly decoder_start_token_id: number;
  readonly eos_token_id: number | number[];
  readonly suppress_tokens?: readonly number[] | null;
  readonly begin_suppress_tokens?: readonly number[] | null;
  readonly alignment_heads?: readonly (readonly [layer: number, head: number])[] | null;
}

/** Methods of transformers.js 4.3.1 that its types do not show. Its word timing is all there, but `generate` reaches it only in a
 * mode that cannot tell the language. */
interface Hidden {
  readonly generation_config: GenerationConfig;
  readonly config: { readonly max_target_positions: number };
  _extract_token_timestamps(
    outputs: unknown,
    heads: GenerationConfig["alignment_heads"],
    positions: number,
    precision: number,
    skipped: number,
  ): Tensor;
}
interface WordSplitter {
  combineTokensIntoWords(
    tokens: number[],
    language: string,
  ): [words: string[], tokens: number[][], indices: number[][]];
}

/** Whisper on ONNX Runtime through transformers.js, from a folder in the hub's layout (`_timestamped` exports). Blocks its thread
 * while it runs: use it in an engine process. */
export class WhisperDecoder {
  readonly #model: WhisperForConditionalGeneration & Hidden;
  readonly #tokenizer: WordSplitter;
  readonly #features: WhisperFeatureExtractor;
  readonly #tokens: WhisperTokens;
  readonly #heads: NonNullable<GenerationConfig["alignment_heads"]>;

  private constructor(
    model: WhisperForConditionalGeneration & Hidden,
    tokenizer: WordSplitter,
    features: WhisperFeatureExtractor,
  ) {
    const config = model.generation_config;
    if (config.alignment_heads == null || config.no_timestamps_token_id === undefined) {
      throw new Error("its generation_config.json has no alignment_heads, so words would have no times");
    }
    this.#model = model;
    this.#tokenizer = tokenizer;
    this.#features = features;
    this.#heads = config.alignment_heads;
    this.#tokens = tokensOf(config);
  }

  /** Reads nothing but the folder.
   * @param threads of each run
   * @throws EngineError MODEL_UNUSABLE when a file is missing, damaged or another model's */
  static async open(folder: string, threads: number): Promise<WhisperDecoder> {
    env.allowRemoteModels = false;
    env.localModelPath = dirname(folder);
    const name = basename(folder);
    try {
      const quantized = await isThere(join(folder, "onnx", "decoder_model_merged_quantized.onnx"));
      const model = await WhisperForConditionalGeneration.from_pretrained(name, {
        local_files_only: true,
        device: "cpu",
        dtype: { encoder_model: "fp32", decoder_model_merged: quantized ? "q8" : "fp32" },
        session_options: {
          intraOpNumThreads: threads,
          interOpNumThreads: 1,
          executionMode: "sequential",
          enableMemPattern: false, // the decoder's shapes grow with each token
          logSeverityLevel: 3,
          extra: { session: { intra_op: { allow_spinning: "0" } } }, // other services share the cores
        },
      });
      const tokenizer = await AutoTokenizer.from_pretrained(name, { local_files_only: true });
      const features = await WhisperFeatureExtractor.from_pretrained(name, { local_files_only: true });
      const decoder = new WhisperDecoder(
        model as unknown as WhisperForConditionalGeneration & Hidden,
        tokenizer as unknown as WordSplitter,
        features as WhisperFeatureExtractor,
      );
      await decoder.decode(new Int16Array(SAMPLE_RATE / 10), undefined, 1); // what does not fit together shows now
      return decoder;
    } catch (error) {
      throw new EngineError("MODEL_UNUSABLE", error instanceof Error ? error.message : String(error), { cause: error });
    }
  }

  /** @param pcm 16 kHz mono, at most 30 s
   * @param language Whisper's code; undefined: what the model takes it for
   * @param mostTokens default 224
   * @throws EngineError LANGUAGE_UNKNOWN where the model has no such language */
  async decode(pcm: Int16Array, language?: string, mostTokens = MOST_TOKENS): Promise<Decoding> {
    const guide = new GuidedDecoding(this.#tokens, language);
    const processors = new LogitsProcessorList();
    processors.push(guide);
    const { input_features } = await this.#features(Float32Array.from(pcm, (sample) => sample / 32_768));
    const room = this.#model.config.max_target_positions - this.#tokens.promptLength;
    // The prompt is forced token by token, so that one pass of the encoder tells the language and the text.
    const outputs = (await this.#model.generate({
      inputs: input_features,
      decoder_input_ids: [this.#tokens.start],
      logits_processor: processors,
      max_new_tokens: this.#tokens.promptLength - 1 + Math.min(mostTokens, room),
      suppress_tokens: null, // both are the guide's
      begin_suppress_tokens: null,
      return_timestamps: false,
      output_attentions: true,
      return_dict_in_generate: true,
    } as never)) as unknown as { sequences: Tensor };
    const sequence = (outputs.sequences.tolist()[0] as bigint[]).map(Number);
    const ended = sequence.at(-1) === this.#tokens.end;
    const tokens = sequence.slice(this.#tokens.promptLength, ended ? -1 : undefined);
    const positions = Math.max(1, Math.min(1500, Math.ceil(pcm.length / SAMPLE_RATE / POSITION_S)));
    const words = tokens.length === 0 ? [] : this.#words(outputs, tokens, guide, positions);
    return { words, tokens, ...guide.outcome() };
  }

  /** Token times by dynamic time warping over the cross attentions, as `find_alignment` in openai/whisper (whisper/timing.py, MIT): a
   * token begins where the token before it looks, so the prompt's last token stays in. */
  #words(outputs: unknown, tokens: number[], guide: GuidedDecoding, positions: number): RecognizedWord[] {
    const prompt = this.#tokens.promptLength;
    const times = this.#model._extract_token_timestamps(outputs, this.#heads, positions, POSITION_S, prompt - 1);
    const seconds = times.tolist()[0] as number[];
    const startMs = (token: number) => Math.round((seconds[prompt - 1 + token] ?? 0) * 1000);
    const language = UNSPACED[guide.outcome().language] ?? "english";
    const [texts, , indices] = this.#tokenizer.combineTokensIntoWords(tokens, language);
    const words: RecognizedWord[] = [];
    for (const [i, text] of texts.entries()) {
      const mine = indices[i] ?? [];
      const trimmed = text.trim();
      const [first, last] = [mine[0], mine.at(-1)];
      if (trimmed === "" || first === undefined || last === undefined) continue;
      const confidence = mine.reduce((sum, token) => sum + guide.probability(token), 0) / mine.length;
      words.push({ text: trimmed, startMs: startMs(first), endMs: startMs(last + 1), confidence });
    }
    return words;
  }
}

function tokensOf(config: GenerationConfig): WhisperTokens {
  const end = Array.isArray(config.eos_token_id) ? config.eos_token_id[0] : config.eos_token_id;
  if (end === undefined) throw new Error("its generation_config.json has no eos_token_id");
  const multilingual = config.is_multilingual ?? config.lang_to_id !== undefined;
  const languages = new Map(
    Object.entries(multilingual ? (config.lang_to_id ?? {}) : {}).map(([token, id]) => [token.slice(2, -2), id]),
  );
  const transcribe = config.task_to_id?.transcribe;
  return {
    start: config.decoder_start_token_id,
    end,
    languages,
    afterLanguage: [...(multilingual && transcribe !== undefined ? [transcribe] : []), config.no_timestamps_token_id],
    promptLength: multilingual ? (transcribe === undefined ? 3 : 4) : 2,
    // `_get_single_token_id` order in openai/whisper's tokenizer: ..., nospeech, notimestamps, <|0.00|>, ...
    noSpeech: config.no_timestamps_token_id - 1,
    suppressed: config.suppress_tokens ?? [],
    suppressedAtBegin: config.begin_suppress_tokens ?? [],
  };
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
