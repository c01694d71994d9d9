import { join } from "node:path";
import type { StageLayer } from "@heimdex/sidecar";
import type { StageModel } from "@heimdex/stage-sdk";
import { type PhraseOptions, toItems } from "./phrases.ts";
import type { RecognizedRegion, Recognizer } from "./recognizer.ts";
import { SEGMENTER_DEFAULTS, type SpeechRegion } from "./speech-segmenter.ts";
import type { VadThread } from "./vad-thread.ts";
import { durationMs } from "./wav-audio.ts";
import { openWav } from "./wav-file.ts";

/** Share of the progress given to finding speech; recognising it takes the rest. */
const VAD_SHARE = 0.1;

export interface TranscribeEngines {
  readonly vad: VadThread;
  readonly recognizer: Recognizer;
  /** Of both. */
  readonly models: readonly StageModel[];
}

export interface TranscribeRequest {
  /** 16 kHz mono 16-bit PCM wav whose sample 0 is the timeline's 0. */
  readonly path: string;
  /** Id of the asset, for item ids. */
  readonly asset: string;
  readonly scratch: string;
  /** BCP-47 tag of what is spoken; undefined: to be found out, as far as the engine can. */
  readonly language?: string | undefined;
  /** From which probability a window of 32 ms counts as speech, 0..1. */
  readonly speechThreshold: number;
  readonly phrases: PhraseOptions;
  readonly signal: AbortSignal;
  /** In ms of audio. */
  onProgress(doneMs: number, totalMs: number, message: string): void;
  onCpu(ms: number): void;
  /** Runs a model's work within a span of the job's trace. Default: without one. */
  span?<R>(name: string, attributes: Record<string, string | number | boolean>, work: () => Promise<R>): Promise<R>;
}

export interface Transcription {
  readonly layer: StageLayer<"transcript">;
  readonly audioMs: number;
  /** Speech found, in ms. */
  readonly speechMs: number;
  readonly regions: number;
  /** Regions whose text was not believed. */
  readonly dropped: number;
}

/** Finds speech, recognises it and writes it down as a layer; no speech, no items. Memory does not grow with the length
 * of the audio, only with what is said.
 * @throws StageFailure AUDIO_UNREADABLE, VAD_FAILED, LANGUAGE_UNSUPPORTED, MODEL_UNUSABLE, RECOGNIZER_FAILED, RECOGNIZER_TIMEOUT,
 *   ENGINE_KILLED, ENGINE_CRASHED, ENGINE_TIMEOUT */
export async function transcribe(
  { vad, recognizer }: Omit<TranscribeEngines, "models">,
  request: TranscribeRequest,
): Promise<Transcription> {
  const audio = await openWav(request.path);
  const audioMs = durationMs(audio);
  const threshold = request.speechThreshold;
  const options = { ...SEGMENTER_DEFAULTS, threshold, negativeThreshold: Math.max(0.01, threshold - 0.15) };
  const progress = (share: number, message: string) =>
    request.onProgress(Math.round(share * audioMs), audioMs, message);
  const span = request.span ?? ((_name, _attributes, work) => work());
  const regions = await span("Silero VAD", { "audio.duration_ms": audioMs }, () =>
    vad.detect(audio, options, request.signal, (ms) => progress((VAD_SHARE * ms) / audioMs, "finding speech")),
  );
  const speechMs = regions.reduce((sum, region) => sum + lengthMs(region), 0);
  let doneMs = 0;
  const recognized =
    regions.length === 0
      ? []
      : await span(recognizer.engine, { regions: regions.length, "speech.duration_ms": speechMs }, () =>
          recognizer.recognize(audio, regions, {
            scratch: join(request.scratch, "recognizer"),
            language: request.language,
            signal: request.signal,
            onCpu: request.onCpu,
            onRegion: (region) => {
              doneMs += lengthMs(region);
              progress(VAD_SHARE + ((1 - VAD_SHARE) * doneMs) / speechMs, "recognising speech");
            },
          }),
        );
  const language = mainLanguage(recognized) ?? recognizer.language;
  const items = toItems(recognized, request.asset, language, audioMs, request.phrases);
  progress(1, "done");
  const layer: StageLayer<"transcript"> = {
    kind: "transcript",
    version: 1,
    ...(language === undefined ? {} : { language }),
    items,
  };
  const dropped = recognized.filter((region) => region.dropped !== undefined).length;
  return { layer, audioMs, speechMs, regions: regions.length, dropped };
}

/** The language most is said in, by time; undefined where no region says one. */
function mainLanguage(regions: readonly RecognizedRegion[]): string | undefined {
  const spokenMs = new Map<string, number>();
  for (const { language, words } of regions) {
    if (language === undefined) continue;
    const ms = words.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0);
    if (ms > 0) spokenMs.set(language, (spokenMs.get(language) ?? 0) + ms);
  }
  return [...spokenMs].reduce((a, b) => (b[1] > a[1] ? b : a), [undefined, 0] as [string | undefined, number])[0];
}

function lengthMs({ startMs, endMs }: SpeechRegion): number {
  return endMs - startMs;
}
