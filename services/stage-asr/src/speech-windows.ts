import { fitWords } from "./fit-words.ts";
import type { RecognizedWord } from "./recognizer.ts";
import type { SpeechRegion } from "./speech-segmenter.ts";

/** Regions put end to end: what lies between them on the timeline is left out. */
export interface SpeechWindow {
  /** In order; region i begins where region i-1 ends. */
  readonly regions: readonly SpeechRegion[];
  /** Sum of their lengths. */
  readonly lengthMs: number;
}

/** Packs regions into as few windows of at most `maxMs` as their order allows: models with a fixed window (Whisper: 30 s) take as
 * long for a word as for half a minute. WhisperX (arXiv:2303.00747, section 2.2, "VAD cut & merge") does the same.
 * @throws RangeError for a region longer than a window */
export function packRegions(regions: readonly SpeechRegion[], maxMs: number): SpeechWindow[] {
  const windows: SpeechWindow[] = [];
  let packed: SpeechRegion[] = [];
  let lengthMs = 0;
  const close = () => {
    if (packed.length > 0) windows.push({ regions: packed, lengthMs });
    packed = [];
    lengthMs = 0;
  };
  for (const region of regions) {
    const length = region.endMs - region.startMs;
    if (length > maxMs) throw new RangeError(`a region of ${length} ms does not fit into a window of ${maxMs} ms`);
    if (lengthMs + length > maxMs) close();
    packed.push(region);
    lengthMs += length;
  }
  close();
  return windows;
}

/** Where a moment of the window lies on the timeline, in ms; the window's end is the end of its last region. */
export function toTimeline({ regions }: SpeechWindow, windowMs: number): number {
  let left = windowMs;
  for (const { startMs, endMs } of regions) {
    if (left < endMs - startMs) return startMs + left;
    left -= endMs - startMs;
  }
  return regions.at(-1)?.endMs ?? 0;
}

/** Gives each region of a window its words, with times from the region's start. A word that the model lets reach over a seam
 * belongs where most of it is: where its middle is.
 * @param words in order, in ms of the window */
export function unpackWords(window: SpeechWindow, words: readonly RecognizedWord[]): RecognizedWord[][] {
  let offset = 0;
  let next = 0;
  return window.regions.map(({ startMs, endMs }, index) => {
    const end = offset + endMs - startMs;
    const mine: RecognizedWord[] = [];
    for (; next < words.length; next++) {
      const word = words[next] as RecognizedWord;
      const last = index === window.regions.length - 1;
      if (!last && (word.startMs + word.endMs) / 2 >= end) break;
      mine.push({ ...word, startMs: word.startMs - offset, endMs: Math.min(word.endMs, end) - offset });
    }
    offset = end;
    return fitWords(mine, endMs - startMs);
  });
}
