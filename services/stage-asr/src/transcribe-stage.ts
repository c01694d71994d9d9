import { bytes, defineStage, layer, StageFailure } from "@heimdex/stage-sdk";
import { z } from "zod";
import { PocketSphinx } from "./pocketsphinx.ts";
import { findPocketSphinx } from "./pocketsphinx-install.ts";
import { findSilero } from "./silero-model.ts";
import { type TranscribeEngines, transcribe } from "./transcribe.ts";
import { VadThread } from "./vad-thread.ts";

const config = z.object({
  threads: z.int().min(1).max(16).default(1).meta({ description: "Stretches of speech recognised side by side." }),
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

let engines: TranscribeEngines | undefined;

/** Made once for each process: the voice detector's session and thread are kept between attempts. */
async function openEngines(): Promise<TranscribeEngines | { readonly reason: string; readonly help: string }> {
  if (engines?.vad.alive) return engines;
  const [silero, sphinx] = await Promise.all([findSilero(), findPocketSphinx()]);
  if (!sphinx.found) return { reason: sphinx.reason, help: sphinx.help };
  if (!silero.found) return { reason: silero.reason, help: silero.help };
  const recognizer = new PocketSphinx(sphinx.install);
  engines = { vad: new VadThread(silero.path), recognizer, models: [silero.model, ...recognizer.models] };
  return engines;
}

/** Speech to words with times: Silero finds speech, PocketSphinx (US English) writes it down. */
export const transcribeStage = defineStage({
  name: "asr.transcribe",
  version: "0.1.0",
  behaviour: 1,
  description: "Speech to words with times (Silero VAD, then PocketSphinx with its US English model)",
  inputs: { audio: bytes("audio/wav", "heimdex.audio-16k-mono") },
  outputs: { transcript: layer("transcript") },
  conditions: ["has_audio"],
  config,
  resources: { cpu: 1, memoryMiB: 512 },
  deterministic: true,
  async probe() {
    const opened = await openEngines();
    return "vad" in opened ? { available: true, models: opened.models } : { available: false, ...opened };
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
      threads: ctx.config.threads,
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
