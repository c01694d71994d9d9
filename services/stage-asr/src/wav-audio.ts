/** Samples per second of the audio every recognizer is given. */
export const SAMPLE_RATE = 16_000;
/** Samples per millisecond: regions and words count whole milliseconds, so they map to samples exactly. */
export const SAMPLES_PER_MS = SAMPLE_RATE / 1000;

/** Where the samples lie in a 16 kHz mono 16-bit PCM wav file. Plain data, so that it can be sent to a thread. */
export interface WavAudio {
  /** Absolute. */
  readonly path: string;
  /** Byte offset of sample 0, which is the timeline's 0. */
  readonly dataOffset: number;
  /** Whole samples present, even when the header promises more. */
  readonly samples: number;
}

/** Length in whole milliseconds, rounded down. */
export function durationMs(audio: WavAudio): number {
  return Math.floor(audio.samples / SAMPLES_PER_MS);
}
