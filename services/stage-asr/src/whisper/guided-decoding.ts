import { EngineError } from "@heimdex/engine";
import { LogitsProcessor, type Tensor } from "@huggingface/transformers";
import type { Decoding } from "./decoding.ts";

/** Ids of the tokens that steer Whisper. */
export interface WhisperTokens {
  /** `<|startoftranscript|>` */
  readonly start: number;
  /** `<|endoftext|>`: the first that is no text, all special ones come after it. */
  readonly end: number;
  /** By Whisper's code; empty for a model of English alone. */
  readonly languages: ReadonlyMap<string, number>;
  /** `<|transcribe|>` where the model has tasks, then `<|notimestamps|>`. */
  readonly afterLanguage: readonly number[];
  /** Tokens before the text. */
  readonly promptLength: number;
  readonly noSpeech: number;
  /** Never text, such as marks of speakers. */
  readonly suppressed: readonly number[];
  /** Not as the first token of the text. */
  readonly suppressedAtBegin: readonly number[];
}

/** Sees the logits of each step of one greedy decoding: reads the language and whether there is speech from the first ones, forces
 * the prompt, then lets nothing pass but text and the end, and notes how likely each token was. */
export class GuidedDecoding extends LogitsProcessor {
  readonly #tokens: WhisperTokens;
  readonly #given: string | undefined;
  readonly #logProbabilities: number[] = [];
  #language: string;
  #languageProbability = 1;
  #noSpeech = 0;

  /** @throws EngineError LANGUAGE_UNKNOWN */
  constructor(tokens: WhisperTokens, language: string | undefined) {
    super();
    this.#tokens = tokens;
    this.#given = language;
    this.#language = language ?? "en";
    const known = tokens.languages.size === 0 ? ["en"] : [...tokens.languages.keys()];
    if (language !== undefined && !known.includes(language)) {
      throw new EngineError("LANGUAGE_UNKNOWN", `it knows ${known.length === 1 ? "English only" : known.join(", ")}`);
    }
  }

  outcome(): Omit<Decoding, "words" | "tokens"> {
    const logs = this.#logProbabilities;
    return {
      language: this.#language,
      languageProbability: this.#languageProbability,
      noSpeechProbability: this.#noSpeech,
      meanLogProbability: logs.length === 0 ? 0 : logs.reduce((sum, log) => sum + log, 0) / logs.length,
    };
  }

  /** Of the text token with this number, 0..1. */
  probability(token: number): number {
    return Math.exp(this.#logProbabilities[token] ?? Number.NEGATIVE_INFINITY);
  }

  override _call(ids: bigint[][], logits: Tensor): Tensor {
    const values = logits.data as Float32Array;
    const step = (ids[0]?.length ?? 1) - 1;
    const { start, end, languages, afterLanguage, promptLength, suppressed, suppressedAtBegin } = this.#tokens;
    if (step === 0) this.#hear(values);
    if (step < promptLength - 1) {
      const prompt = languages.size === 0 ? [] : [languages.get(this.#language) ?? start];
      const forced = [...prompt, ...afterLanguage][step] ?? end;
      values.fill(Number.NEGATIVE_INFINITY);
      values[forced] = 0;
      return logits;
    }
    values.fill(Number.NEGATIVE_INFINITY, end + 1);
    for (const id of suppressed) values[id] = Number.NEGATIVE_INFINITY;
    if (step === promptLength - 1) for (const id of suppressedAtBegin) values[id] = Number.NEGATIVE_INFINITY;
    const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
    this.#logProbabilities.push(most - logSumExp(values)); // greedy: the likeliest is taken
    return logits;
  }

  /** `detect_language` and `no_speech_probs` of openai/whisper (whisper/decoding.py, MIT): both from the logits after the first
   * token; a language's probability is among languages only. */
  #hear(values: Float32Array): void {
    const { languages, noSpeech } = this.#tokens;
    this.#noSpeech = Math.exp((values[noSpeech] ?? Number.NEGATIVE_INFINITY) - logSumExp(values));
    if (this.#given !== undefined || languages.size === 0) return;
    const among = [...languages].map(([code, id]) => ({ code, logit: values[id] ?? Number.NEGATIVE_INFINITY }));
    const best = among.reduce((a, b) => (b.logit > a.logit ? b : a));
    this.#language = best.code;
    this.#languageProbability = Math.exp(best.logit - logSumExp(among.map(({ logit }) => logit)));
  }
}

function logSumExp(values: ArrayLike<number>): number {
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) most = Math.max(most, values[i] as number);
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += Math.exp((values[i] as number) - most);
  return most + Math.log(sum);
}
