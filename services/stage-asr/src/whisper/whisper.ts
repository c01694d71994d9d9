import { type FileHandle, open } from "node:fs/promises";
import type { EngineProcess } from "@heimdex/engine";
import type { StageModel } from "@heimdex/stage-sdk";
import { recognizerFailure } from "../engine-failure.ts";
import { readPcm } from "../read-pcm.ts";
import type { RecognizedRegion, RecognizeOptions, Recognizer } from "../recognizer.ts";
import type { SpeechRegion } from "../speech-segmenter.ts";
import { packRegions, type SpeechWindow, unpackWords } from "../speech-windows.ts";
import type { WavAudio } from "../wav-audio.ts";
import type { Decoding } from "./decoding.ts";
import { judge } from "./guards.ts";
import { tagOfWhisper, whisperOfTag } from "./language.ts";
import type { WhisperInit, WhisperRequest } from "./whisper-engine.ts";

/** What Whisper hears at once. */
const WINDOW_MS = 30_000;

/** The process that runs the model, or what stands for it. */
export type WhisperEngine = Pick<EngineProcess<WhisperInit, WhisperRequest, Decoding>, "call" | "start">;

interface Work {
  readonly file: FileHandle;
  readonly audio: WavAudio;
  readonly language: string | undefined;
  readonly options: RecognizeOptions;
}

/** Whisper (Radford et al., arXiv:2212.04356) in a process of its own. Regions are packed into full windows, words mapped back. A
 * window that the guards do not believe is heard again region by region; what they do not believe then is left out. */
export class Whisper implements Recognizer {
  readonly engine = "whisper";
  /** Each region says its own. */
  readonly language = undefined;
  readonly models: readonly StageModel[];
  readonly #engine: WhisperEngine;
  readonly #model: string;

  constructor(model: StageModel, engine: WhisperEngine) {
    this.models = [model];
    this.#model = model.id;
    this.#engine = engine;
  }

  async start(signal?: AbortSignal): Promise<void> {
    await this.#engine.start(signal).catch((error) => {
      throw recognizerFailure(error, this.#model);
    });
  }

  async recognize(
    audio: WavAudio,
    regions: readonly SpeechRegion[],
    options: RecognizeOptions,
  ): Promise<RecognizedRegion[]> {
    await using file = await open(audio.path, "r");
    const language = options.language === undefined ? undefined : whisperOfTag(options.language);
    const results: RecognizedRegion[] = [];
    for (const window of packRegions(regions, WINDOW_MS)) {
      results.push(...(await this.#window(window, { file, audio, language, options })));
      for (const region of window.regions) options.onRegion(region);
    }
    return results;
  }

  async #window(window: SpeechWindow, work: Work): Promise<RecognizedRegion[]> {
    const decoding = await this.#decode(window, work);
    const verdict = judge(decoding);
    if ((verdict === "loop" || verdict === "unsure") && window.regions.length > 1) {
      const results: RecognizedRegion[] = [];
      for (const single of singles(window)) {
        results.push(...(await this.#window(single, work)));
      }
      return results;
    }
    const dropped = verdict === "loop" || verdict === "no-speech" ? { dropped: verdict } : {};
    const words = unpackWords(window, "dropped" in dropped ? [] : decoding.words);
    const language = tagOfWhisper(decoding.language);
    return window.regions.map((region, i) => ({ region, words: words[i] ?? [], language, ...dropped }));
  }

  async #decode(window: SpeechWindow, { file, audio, language, options }: Work): Promise<Decoding> {
    const pcm = await readPcm(file, audio, window.regions);
    try {
      const { value, cpuMs } = await this.#engine.call({ pcm, language }, options.signal);
      options.onCpu(cpuMs);
      return value;
    } catch (error) {
      options.signal.throwIfAborted();
      throw recognizerFailure(error, this.#model);
    }
  }
}

function singles({ regions }: SpeechWindow): SpeechWindow[] {
  return regions.map((region) => ({ regions: [region], lengthMs: region.endMs - region.startMs }));
}
