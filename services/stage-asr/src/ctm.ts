import type { RecognizedWord } from "./recognizer.ts";

/** PocketSphinx prints the start of a word's last frame as its end: one frame more is its true end. */
const FRAME_MS = 10;

/** Parses the CTM file of `pocketsphinx_batch`: `UTTERANCE CHANNEL START DURATION WORD POSTERIOR`, times in seconds from
 * the start of the utterance. Malformed lines are left out.
 * @returns words by utterance, in order; utterances without a word are absent */
export function parseCtm(text: string): Map<string, RecognizedWord[]> {
  const utterances = new Map<string, RecognizedWord[]>();
  for (const line of text.split("\n")) {
    const [utterance, , start, duration, token, posterior] = line.trim().split(/\s+/);
    if (utterance === undefined || token === undefined) continue;
    const word = cleanWord(token);
    const startMs = Math.round(Number(start) * 1000);
    const endMs = startMs + Math.round(Number(duration) * 1000) + FRAME_MS;
    if (word === undefined || !(startMs >= 0) || !(endMs > startMs)) continue;
    const confidence = posterior === undefined ? Number.NaN : Number(posterior);
    const words = utterances.get(utterance) ?? [];
    words.push({ text: word, startMs, endMs, ...(confidence >= 0 ? { confidence: Math.min(1, confidence) } : {}) });
    utterances.set(utterance, words);
  }
  return utterances;
}

/** The word as a person would write it: without the number of its pronunciation (`the(2)`), and `undefined` for
 * fillers: `<s>`, `<sil>`, `[NOISE]`, `++BREATH++`. */
export function cleanWord(token: string): string | undefined {
  if (/^(<.*>|\[.*\]|\+\+.*\+\+)$/.test(token)) return undefined;
  return token.replace(/\(\d+\)$/, "").normalize("NFC") || undefined;
}
