import type { RecognizedWord } from "../recognizer.ts";

/** What sherpa-onnx says of one stretch of audio (`OfflineRecognitionResult::AsJsonString`, as far as it is used here). */
export interface SherpaResult {
  /** Pieces of text; a word begins with a blank, which SentencePiece writes as `▁`. */
  readonly tokens: readonly string[];
  /** Start of each token in s. */
  readonly timestamps: readonly number[];
  /** Length of each token in s; only models that estimate it (TDT). */
  readonly durations?: readonly number[];
  /** Natural logarithm of each token's probability, where the decoder tells it. */
  readonly ys_log_probs?: readonly number[];
}

/** A word's end where the model tells no lengths: that of the next token's start, this long after the last token's at most, in ms. */
const LAST_TOKEN_MS = 160;

/** Joins tokens to words: a word begins with its first token and ends with its last one. */
export function wordsOfTokens({ tokens, timestamps, durations, ys_log_probs }: SherpaResult): RecognizedWord[] {
  const words: { text: string; startMs: number; endMs: number; logs: number[] }[] = [];
  for (const [i, token] of tokens.entries()) {
    const text = token.replaceAll("▁", " ").normalize("NFC");
    const startMs = Math.round((timestamps[i] ?? 0) * 1000);
    const next = timestamps[i + 1];
    const lasts = durations?.[i];
    const untilNext = next === undefined ? LAST_TOKEN_MS : next * 1000 - startMs;
    const endMs = Math.round(startMs + (lasts ? lasts * 1000 : Math.min(LAST_TOKEN_MS, untilNext)));
    const log = ys_log_probs?.[i];
    const word = words.at(-1);
    if (word === undefined || text.startsWith(" ")) {
      words.push({ text: text.trimStart(), startMs, endMs, logs: log === undefined ? [] : [log] });
      continue;
    }
    word.text += text;
    word.endMs = Math.max(word.endMs, endMs);
    if (log !== undefined) word.logs.push(log);
  }
  return words
    .filter(({ text }) => text.trim() !== "")
    .map(({ logs, ...word }) => {
      const sum = logs.reduce((all, log) => all + Math.exp(Math.min(0, log)), 0);
      return { ...word, text: word.text.trim(), ...(logs.length === 0 ? {} : { confidence: sum / logs.length }) };
    });
}
