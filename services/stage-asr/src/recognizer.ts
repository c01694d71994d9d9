import type { StageModel } from "@heimdex/stage-sdk";
import type { SpeechRegion } from "./speech-segmenter.ts";
import type { WavAudio } from "./wav-audio.ts";

/** A recognised word. Times are whole ms from the start of its region, half-open, in order and within the region. */
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
  /** BCP-47, where the model tells the language of each region. */
  readonly language?: string;
  /** Why what the engine made of this region was left out, where it was. */
  readonly dropped?: "no-speech" | "loop";
}

export interface RecognizeOptions {
  /** Empty folder for what the engine needs on disk. */
  readonly scratch: string;
  /** BCP-47 tag of the language that is spoken; absent: to be found out, as far as the engine can. */
  readonly language?: string | undefined;
  readonly signal: AbortSignal;
  /** CPU time used in child processes, in ms, as it becomes known. */
  onCpu(ms: number): void;
  /** A region is done, in any order. */
  onRegion(region: SpeechRegion): void;
}

/** Speech to words. One implementation per engine; what comes before (finding speech) and after (phrases, filters)
 * is shared. Regions are at most 30 s long and hold speech as far as a voice activity detector can tell. */
export interface Recognizer {
  /** Engine and its version, for the run's record, such as `pocketsphinx`. */
  readonly engine: string;
  /** BCP-47 tag of what it writes where a region says nothing else; undefined where regions say it, or nobody knows. */
  readonly language: string | undefined;
  /** What it runs with; their digests are part of the step key. */
  readonly models: readonly StageModel[];
  /** Loads what it needs, so that the probe tells what will not run. Rejects with a StageFailure. */
  start(signal?: AbortSignal): Promise<void>;
  /** Recognises `regions` of `audio`; the answer holds one entry for each, in the order given.
   * @throws StageFailure when the engine crashes, hangs or outgrows its limits: the attempt fails, the service lives.
   *   An aborted call rejects with `signal.reason`. */
  recognize(audio: WavAudio, regions: readonly SpeechRegion[], options: RecognizeOptions): Promise<RecognizedRegion[]>;
}
