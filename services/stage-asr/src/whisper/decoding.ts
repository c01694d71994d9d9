import type { RecognizedWord } from "../recognizer.ts";

/** What Whisper made of one window. */
export interface Decoding {
  /** In order; times in ms of the window. */
  readonly words: readonly RecognizedWord[];
  /** Whisper's code of the language: that of the request, or the most likely one. */
  readonly language: string;
  /** 0..1, 1 where the request named it. */
  readonly languageProbability: number;
  /** Probability of the token `<|nospeech|>` as the first one, 0..1. */
  readonly noSpeechProbability: number;
  /** Mean natural logarithm of the probabilities of the tokens and of the end. */
  readonly meanLogProbability: number;
  /** Text tokens, for the log and for tests. */
  readonly tokens: readonly number[];
}
