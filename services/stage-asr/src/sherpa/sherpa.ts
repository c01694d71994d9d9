import { open } from "node:fs/promises";
import type { EngineProcess } from "@heimdex/engine";
import type { StageModel } from "@heimdex/stage-sdk";
import { recognizerFailure } from "../engine-failure.ts";
import { fitWords } from "../fit-words.ts";
import { readPcm } from "../read-pcm.ts";
import type { RecognizedRegion, RecognizedWord, RecognizeOptions, Recognizer } from "../recognizer.ts";
import type { SpeechRegion } from "../speech-segmenter.ts";
import type { WavAudio } from "../wav-audio.ts";
import { hasLoop } from "../whisper/guards.ts";
import type { SherpaInit, SherpaRequest } from "./sherpa-engine.ts";

export type SherpaEngine = Pick<EngineProcess<SherpaInit, SherpaRequest, RecognizedWord[]>, "call" | "start">;

/** Transducers (Parakeet-TDT and others) on sherpa-onnx (github.com/k2-fsa/sherpa-onnx, Apache-2.0), in a process of its own. A region
 * takes as long as it is long, so each is heard by itself. */
export class Sherpa implements Recognizer {
  readonly engine = "sherpa-onnx";
  /** Parakeet understands 25 languages and does not say which it heard. */
  readonly language = undefined;
  readonly models: readonly StageModel[];
  readonly #engine: SherpaEngine;
  readonly #model: string;

  constructor(model: StageModel, engine: SherpaEngine) {
    this.models = [model];
    this.#model = model.id;
    this.#engine = engine;
  }

  async start(signal?: AbortSignal): Promise<void> {
    await this.#engine.start(signal).catch((error) => {
      throw recognizerFailure(error, this.#model);
    });
  }

  /** A fixed `language` is written down as the regions' own: the model cannot be told it. */
  async recognize(
    audio: WavAudio,
    regions: readonly SpeechRegion[],
    options: RecognizeOptions,
  ): Promise<RecognizedRegion[]> {
    await using file = await open(audio.path, "r");
    const results: RecognizedRegion[] = [];
    for (const region of regions) {
      const pcm = await readPcm(file, audio, [region]);
      const { value: heard, cpuMs } = await this.#engine.call({ pcm }, options.signal).catch((error) => {
        options.signal.throwIfAborted();
        throw recognizerFailure(error, this.#model);
      });
      options.onCpu(cpuMs);
      const loop = hasLoop(heard.map(({ text }) => text));
      const words = loop ? [] : fitWords(heard, region.endMs - region.startMs);
      const language = options.language === undefined ? {} : { language: options.language };
      results.push({ region, words, ...language, ...(loop ? { dropped: "loop" } : {}) });
      options.onRegion(region);
    }
    return results;
  }
}
