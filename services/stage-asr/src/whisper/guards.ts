import { deflateSync } from "node:zlib";
import type { Decoding } from "./decoding.ts";

/** Thresholds of Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision" (arXiv:2212.04356), section 4.5, as in
 * `DecodingOptions`/`transcribe` of openai/whisper (whisper/transcribe.py, MIT). */
const NO_SPEECH = 0.6;
const LOG_PROBABILITY = -1;
const COMPRESSION_RATIO = 2.4;
/** A window whose language is less likely than this may hold several. */
const LANGUAGE = 0.5;

export type Verdict =
  /** To be believed. */
  | "good"
  /** The model takes it for no speech, and is unsure of the words it wrote anyway. */
  | "no-speech"
  /** It says the same over and over. */
  | "loop"
  /** Unsure of the words, or of the language: smaller pieces may come out better. */
  | "unsure";

/** What to think of a decoding. The order is Whisper's: no speech excuses all else. */
export function judge(decoding: Decoding): Verdict {
  const { words, noSpeechProbability, meanLogProbability, languageProbability } = decoding;
  if (words.length === 0) return "good";
  if (noSpeechProbability > NO_SPEECH && meanLogProbability < LOG_PROBABILITY) return "no-speech";
  const texts = words.map(({ text }) => text);
  if (compressionRatio(texts.join(" ")) > COMPRESSION_RATIO || hasLoop(texts)) return "loop";
  return meanLogProbability < LOG_PROBABILITY || languageProbability < LANGUAGE ? "unsure" : "good";
}

/** Bytes of the text by bytes of its zlib form, as Whisper computes it; 0 for no text. */
export function compressionRatio(text: string): number {
  const bytes = Buffer.from(text, "utf8");
  return bytes.length === 0 ? 0 : bytes.length / deflateSync(bytes).length;
}

/** Repetitions that compression does not see in short texts: the same one to eight words at least four times in a row, eight words in
 * all. People do say "no, no, no, no". */
export function hasLoop(words: readonly string[]): boolean {
  const plain = words.map((word) => word.toLowerCase().replace(/[^\p{L}\p{N}]/gu, ""));
  for (let length = 1; length <= 8; length++) {
    let same = 0;
    for (let i = length; i < plain.length; i++) {
      same = plain[i] === plain[i - length] ? same + 1 : 0;
      const repeats = Math.floor(same / length) + 1;
      if (repeats >= 4 && repeats * length >= 8) return true;
    }
  }
  return false;
}
