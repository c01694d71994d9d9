import { availableParallelism } from "node:os";
import { bytes, defineStage, layer, StageFailure } from "@heimdex/stage-sdk";
import { z } from "zod";
import { openRecognizer } from "./open-recognizer.ts";
import { findSilero } from "./silero-model.ts";
import { type TranscribeEngines, transcribe } from "./transcribe.ts";
import { VadThread } from "./vad-thread.ts";

const config = z.object({
  language: z
    .string()
    .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/)
    .nullable()
    .default(null)
    .meta({ description: "BCP-47 tag of what is spoken; null: found out for each stretch, where the model can." }),
  speech_threshold: z.number().min(0.05).max(0.95).default(0.5).meta({
    description:
      "Probability from which 32 ms count as speech, 0..1. Lower finds fainter voices, and more that is none.",
  }),
  min_confidence: z.number().min(0).max(1).default(0.1).meta({
    description: "Stretches whose words have a lower mean confidence are dropped, 0..1.",
  }),
  phrase_pause_ms: z.int().min(100).max(5_000).default(600).meta({ description: "A pause this long ends a phrase." }),
  max_phrase_ms: z.int().min(1_000).max(30_000).default(10_000).meta({
    description: "Longer phrases are split at their longest pause.",
  }),
});

/** Half the cores: decoding, pictures and embedding run beside it. What comes out is the same with any number. */
const THREADS = Math.max(1, Math.min(4, Math.floor(availableParallelism() / 2)));

let engines: TranscribeEngines | undefined;

/** Made once for each process: the voice detector's thread and the recognizer's process are kept between attempts. */
async function openEngines(): Promise<TranscribeEngines | { readonly reason: string; readonly help: string }> {
  if (engines?.vad.alive) return engines;
  const [silero, opened] = await Promise.all([findSilero(), openRecognizer(THREADS)]);
  if (!opened.available) return { reason: opened.reason, help: opened.help };
  if (!silero.found) return { reason: silero.reason, help: silero.help };
  const { recognizer } = opened;
  engines = { vad: new VadThread(silero.path), recognizer, models: [silero.model, ...recognizer.models] };
  return engines;
}

/** Speech to words with times: Silero finds speech, the engine of the model that is set writes it down. */
export const transcribeStage = defineStage({
  name: "asr.transcribe",
  version: "0.2.0",
  behaviour: 1,
  description: "Speech to words with times (Silero VAD, then PocketSphinx, Whisper or a transducer)",
  inputs: { audio: bytes("audio/wav", "heimdex.audio-16k-mono") },
  outputs: { transcript: layer("transcript") },
  conditions: ["has_audio"],
  config,
  resources: { cpu: THREADS, memoryMiB: 1024 },
  deterministic: true,
  async probe(signal) {
    const opened = await openEngines();
    if (!("vad" in opened)) return { available: false, ...opened };
    try {
      await opened.recognizer.start(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof StageFailure)) throw error;
      return { available: false, reason: error.reason, help: `${error.message} ${error.help ?? ""}`.trim() };
    }
    return { available: true, models: opened.models };
  },
  async run(ctx) {
    const opened = await openEngines();
    if (!("vad" in opened)) {
      throw new StageFailure("TERMINAL", opened.reason, "What speech recognition needs is gone.", {
        help: opened.help,
      });
    }
    const { layer, ...figures } = await transcribe(opened, {
      path: await ctx.inputs.audio.file(ctx.signal),
      asset: ctx.asset,
      scratch: ctx.scratch,
      language: ctx.config.language ?? undefined,
      speechThreshold: ctx.config.speech_threshold,
      phrases: {
        pauseMs: ctx.config.phrase_pause_ms,
        maxPhraseMs: ctx.config.max_phrase_ms,
        minConfidence: ctx.config.min_confidence,
      },
      signal: ctx.signal,
      onProgress: (done, total, message) => ctx.progress(done, total, "ms", message),
      onCpu: (ms) => ctx.cpu(ms),
      span: (name, attributes, work) => ctx.span(name, attributes, work),
    });
    ctx.log("info", "speech recognised", { ...figures, items: layer.items.length, engine: opened.recognizer.engine });
    return { transcript: layer };
  },
});
