import type { StageModel } from "@heimdex/stage-sdk";
import type { SpeechRegion } from "./speech-segmenter.ts";
import type { WavAudio } from "./wav-audio.ts";

/** A recognised word. Times are ms from the start of its region, half-open, in order and within the region. */
export interface RecognizedWord {
  /** As the model writes it, without marks for fillers or alternative pronunciations. */
  readonly text: string;
  readonly startMs: number;
  readonly endMs: number;
  /** 0..1 where the model estimates it. */
  readonly confidence?: number;
}

/** What was recognised in one region. No words: nothing was understood. */
export interface RecognizedRegion {
  readonly region: SpeechRegion;
  readonly words: readonly RecognizedWord[];
  /** BCP-47, where the model found another language than its own default in this region. */
  readonly language?: string;
}

export interface RecognizeOptions {
  /** Empty folder for what the engine needs on disk. */
  readonly scratch: string;
  /** Regions recognised side by side. */
  readonly threads: number;
  readonly signal: AbortSignal;
  /** CPU time used in child processes, in ms, as it becomes known. */
  onCpu(ms: number): void;
  /** A region is done, in any order. */
  onRegion(region: SpeechRegion): void;
}

/** Speech to words. One implementation per engine; what comes before (finding speech) and after (phrases, filters)
 * is shared. Regions are at most about 30 s long and hold speech as far as a voice activity detector can tell. */
export interface Recognizer {
  /** Engine and its version, for the run's record, such as `pocketsphinx`. */
  readonly engine: string;
  /** BCP-47 tag of what it understands, or writes where a region says nothing else. */
  readonly language: string;
  /** What it runs with; their digests are part of the step key. */
  readonly models: readonly StageModel[];
  /** Recognises `regions` of `audio`; the answer holds one entry for each, in the order given.
   * @throws StageFailure when the engine crashes, hangs or outgrows its limits: the attempt fails, the service lives.
   *   An aborted call rejects with `signal.reason`. */
  recognize(audio: WavAudio, regions: readonly SpeechRegion[], options: RecognizeOptions): Promise<RecognizedRegion[]>;
}
