import type { RecognizedWord } from "./recognizer.ts";

/** A word is given at least this long, in ms, where there is room: a frame of Whisper. */
const SHORTEST_MS = 20;

/** Holds a recognizer's promise whatever its engine says: words in order, without overlap, each longer than 0 ms, all within
 * `lengthMs`. No word is left out, unless there are more of them than milliseconds. */
export function fitWords(words: readonly RecognizedWord[], lengthMs: number): RecognizedWord[] {
  const length = Math.floor(lengthMs);
  const fitting = words.slice(0, length);
  const shortest = Math.min(SHORTEST_MS, Math.floor(length / Math.max(1, fitting.length)));
  let free = 0;
  const forward = fitting.map((word) => {
    const startMs = Math.max(free, Math.round(word.startMs));
    const endMs = Math.max(startMs + shortest, Math.round(word.endMs));
    free = endMs;
    return { ...word, startMs, endMs };
  });
  // What now stands beyond the end moves back, and pushes those before it.
  let limit = length;
  for (const word of forward.toReversed()) {
    if (word.endMs <= limit) break;
    word.endMs = limit;
    word.startMs = Math.min(word.startMs, limit - shortest);
    limit = word.startMs;
  }
  return forward;
}
