import { throughRelay } from "@heimdex/media";
import { bytes, defineStage, layer, many, mediaFacts, optional, source } from "@heimdex/stage-sdk";
import { z } from "zod";
import { analyze } from "./analyze.ts";
import { toStageFailure } from "./failure.ts";
import { ffmpegCapability } from "./ffmpeg-capability.ts";

const config = z.object({
  keyframe_seconds: z.number().min(1).max(600).default(10).meta({
    description: "A long shot gets a keyframe for each such stretch, in seconds.",
  }),
  keyframe_side: z.int().min(160).max(4096).default(1280).meta({
    description: "Longest side of a keyframe in pixels; smaller pictures stay as they are.",
  }),
  max_keyframes: z.int().min(10).max(20_000).default(2_000).meta({
    description: "Keyframes of one asset at most; the stretches are widened to keep to it.",
  }),
});

/** Shots, keyframes, sound and poster from one decode. Sound only: the layers are empty. */
export const analyzeStage = defineStage({
  name: "media.analyze",
  version: "0.1.0",
  behaviour: 2,
  description: "Finds shots and keyframes and takes out the sound, in one pass over the file",
  inputs: { source: source(), media: mediaFacts() },
  outputs: {
    shots: layer("shots"),
    keyframes: layer("keyframes"),
    images: many(bytes("image/jpeg", "heimdex.keyframe")),
    audio: optional(bytes("audio/wav", "heimdex.audio-16k-mono")),
    poster: optional(bytes("image/jpeg", "heimdex.poster")),
  },
  config,
  resources: { cpu: 2, memoryMiB: 1024 },
  timeouts: { attemptMs: 6 * 3600_000, stallMs: 10 * 60_000 },
  deterministic: true,
  probe: ffmpegCapability,
  async run(context) {
    const { inputs, signal, scratch, asset, config: settings } = context;
    try {
      const media = await inputs.media.json(signal);
      const found = await context.span("ffmpeg", { "media.duration_ms": media.duration_ms }, () =>
        throughRelay(inputs.source.location, (location) =>
          analyze(location, {
            ...{ media, asset, scratch, signal },
            keyframeSeconds: settings.keyframe_seconds,
            stillSide: settings.keyframe_side,
            maxKeyframes: settings.max_keyframes,
            onProgress: (doneMs) => context.progress(doneMs, media.duration_ms, "ms"),
          }),
        ),
      );
      context.cpu(found.cpuMs);
      if (found.partial !== undefined) context.partial(found.partial);
      return {
        shots: { kind: "shots" as const, version: 1 as const, items: [...found.shots] },
        keyframes: { kind: "keyframes" as const, version: 1 as const, items: [...found.keyframes] },
        images: found.images.map((file) => ({ file })),
        ...(found.audio === undefined ? {} : { audio: { file: found.audio } }),
        ...(found.poster === undefined ? {} : { poster: { file: found.poster } }),
      };
    } catch (error) {
      throw toStageFailure(error);
    }
  },
});
