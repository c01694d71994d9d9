/** A stretch of speech in ms on the audio's timeline, half-open. Edges are multiples of 10 ms, but for the audio's end. */
export interface SpeechRegion {
  readonly startMs: number;
  readonly endMs: number;
}

export interface SegmenterOptions {
  /** Probability from which a window counts as speech. Silero's default: 0.5. */
  readonly threshold: number;
  /** Speech goes on until the probability falls below this. Silero's default: `threshold` - 0.15. */
  readonly negativeThreshold: number;
  /** Shorter speech is dropped, in ms. Silero's default: 250. */
  readonly minSpeechMs: number;
  /** A pause shorter than this does not end speech, in ms. Silero's default is 100; a word model wants whole phrases. */
  readonly minSilenceMs: number;
  /** Added before and after speech, in ms, as far as the neighbours leave room. Silero's default: 30. */
  readonly padMs: number;
  /** Longer speech is cut where it is least likely to be speech, in ms. */
  readonly maxSpeechMs: number;
}

/** Thresholds are Silero's. Pauses and padding are wider: the recognizer's language model wants whole phrases and its
 * acoustic model some silence at both ends. */
export const SEGMENTER_DEFAULTS: SegmenterOptions = {
  threshold: 0.5,
  negativeThreshold: 0.35,
  minSpeechMs: 250,
  minSilenceMs: 400,
  padMs: 160,
  maxSpeechMs: 30_000,
};

/** Length of one window of the model in ms: 512 samples at 16 kHz. */
export const WINDOW_MS = 32;
/** Region edges are multiples of this: one frame of the recognizer. */
const GRID_MS = 10;

/** Speech that has ended; its end is padded once its successor's start is known. */
interface Ended {
  /** Of the speech itself. */
  readonly startMs: number;
  readonly endMs: number;
  /** Its start (end) is a cut through speech: nothing is padded there. */
  readonly cutStart: boolean;
  readonly cutEnd: boolean;
  paddedStartMs: number;
}

/** Turns speech probabilities, one per window, into regions, with memory bounded by `maxSpeechMs`.
 *
 * The rules are those of `get_speech_timestamps` in snakers4/silero-vad (src/silero_vad/utils_vad.py, MIT): speech starts
 * at `threshold`, ends at the first window below `negativeThreshold` that no window at `threshold` follows within
 * `minSilenceMs`; padding of neighbours closer than twice the padding meets in the middle. Two differences: it is
 * incremental, and overlong speech is cut at its lowest probability (mean of three windows) in its second half.
 *
 * Invariant: regions come out in order, never overlap, and lie within the audio. */
export class SpeechSegmenter {
  readonly #options: SegmenterOptions;
  #window = 0;
  /** Probabilities since the start of the speech that is under way. */
  #current: number[] = [];
  #startWindow: number | undefined;
  #cutStart = false;
  #silenceWindow: number | undefined;
  /** The region before, held back until its successor's start decides its padding. */
  #held: Ended | undefined;

  constructor(options: SegmenterOptions = SEGMENTER_DEFAULTS) {
    this.#options = options;
  }

  /** Takes the probability of the next window; gives the regions that are now certain. */
  push(probability: number): SpeechRegion[] {
    const { threshold, negativeThreshold, minSilenceMs, maxSpeechMs } = this.#options;
    const window = this.#window++;
    if (this.#startWindow === undefined) {
      if (probability >= threshold) {
        this.#startWindow = window;
        this.#current = [probability];
      }
      return [];
    }
    this.#current.push(probability);
    if (probability >= threshold) this.#silenceWindow = undefined;
    else if (probability < negativeThreshold) this.#silenceWindow ??= window;
    if (this.#silenceWindow !== undefined && (window - this.#silenceWindow) * WINDOW_MS >= minSilenceMs) {
      const out = this.#close(this.#silenceWindow * WINDOW_MS, false);
      this.#startWindow = undefined;
      this.#cutStart = false;
      this.#silenceWindow = undefined;
      this.#current = [];
      return out;
    }
    if (this.#current.length * WINDOW_MS > maxSpeechMs - 2 * this.#options.padMs) return this.#cut();
    return [];
  }

  /** Ends the audio at `endMs`: gives the last regions. */
  finish(endMs: number): SpeechRegion[] {
    const out = this.#startWindow === undefined ? [] : this.#close(endMs, false);
    if (this.#held) out.push(this.#emit(this.#held, undefined, endMs));
    this.#startWindow = undefined;
    this.#held = undefined;
    return out;
  }

  /** Cuts speech that got too long at the least likely window of its second half, and goes on after it. */
  #cut(): SpeechRegion[] {
    const probabilities = this.#current;
    let best = probabilities.length - 1;
    let lowest = Number.POSITIVE_INFINITY;
    for (let i = Math.floor(probabilities.length / 2); i < probabilities.length - 1; i++) {
      const mean = ((probabilities[i - 1] ?? 1) + (probabilities[i] ?? 1) + (probabilities[i + 1] ?? 1)) / 3;
      if (mean <= lowest) [lowest, best] = [mean, i];
    }
    const cut = (this.#startWindow ?? 0) + best;
    const out = this.#close(cut * WINDOW_MS, true);
    this.#startWindow = cut;
    this.#cutStart = true;
    this.#current = probabilities.slice(best);
    if (this.#silenceWindow !== undefined) this.#silenceWindow = Math.max(this.#silenceWindow, cut);
    return out;
  }

  #close(endMs: number, cutEnd: boolean): SpeechRegion[] {
    const { minSpeechMs, padMs } = this.#options;
    const startMs = (this.#startWindow ?? 0) * WINDOW_MS;
    const cutStart = this.#cutStart;
    // What is left of speech that was cut may be short: the whole was long enough.
    if (endMs <= startMs || (endMs - startMs <= minSpeechMs && !cutStart && !cutEnd)) return [];
    const paddedStartMs = cutStart ? startMs : Math.max(0, startMs - padMs);
    const next: Ended = { startMs, endMs, cutStart, cutEnd, paddedStartMs };
    const out = this.#held ? [this.#emit(this.#held, next, Number.POSITIVE_INFINITY)] : [];
    this.#held = next;
    return out;
  }

  /** Pads the end of `region`, and the start of its successor where both paddings do not fit into the pause. */
  #emit(region: Ended, next: Ended | undefined, audioEndMs: number): SpeechRegion {
    const pause = next === undefined ? Number.POSITIVE_INFINITY : next.startMs - region.endMs;
    const room = Math.min(this.#options.padMs, pause / 2);
    if (next && !next.cutStart) next.paddedStartMs = next.startMs - room;
    const endMs = region.cutEnd ? region.endMs : Math.min(audioEndMs, region.endMs + room);
    // All edges go down to the grid, so that an edge two regions share stays shared.
    return { startMs: grid(region.paddedStartMs), endMs: endMs === audioEndMs ? endMs : grid(endMs) };
  }
}

function grid(ms: number): number {
  return Math.floor(ms / GRID_MS) * GRID_MS;
}
