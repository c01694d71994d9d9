import { defineStage, layer, mediaFacts, neighbours, source } from "@heimdex/stage-sdk";
import { z } from "zod";
import { ffmpegCapability } from "./ffmpeg-capability.ts";
import { extractTrack } from "./subtitles/extract-track.ts";
import { readSubtitles } from "./subtitles/subtitles.ts";

const config = z.object({
  languages: z.array(z.string().min(2).max(35)).max(20).default([]).meta({
    description: "BCP-47 tags, the dearest first: which track to use where there are several. Else the default track.",
  }),
});

/** Subtitles that come with the asset: text tracks in the container and files beside it. */
export const subtitlesStage = defineStage({
  name: "asr.subtitles",
  version: "0.1.0",
  behaviour: 1,
  description: "Subtitles in the container or beside the file (SRT, WebVTT, ASS, mov_text)",
  inputs: { source: source(), neighbours: neighbours(), media: mediaFacts() },
  outputs: { transcript: layer("transcript", "subtitles") },
  config,
  resources: { cpu: 1, memoryMiB: 256 },
  deterministic: true,
  probe: ffmpegCapability,
  async run(ctx) {
    const { source } = ctx.inputs;
    const media = await ctx.inputs.media.json(ctx.signal);
    const total = media.duration_ms;
    const transcript = await readSubtitles({
      media,
      asset: ctx.asset,
      mediaName: ctx.sourceName,
      neighbours: ctx.inputs.neighbours.map((file) => ({
        name: file.name ?? "",
        size: file.size,
        read: () => file.read(ctx.signal),
      })),
      languages: ctx.config.languages,
      extract: (track) =>
        extractTrack(track, {
          location: source.location,
          scratch: ctx.scratch,
          signal: ctx.signal,
          onProgress: (ms) => ctx.progress(Math.max(0, Math.min(total, ms - media.start_offset_ms)), total, "ms"),
          onCpu: (ms) => ctx.cpu(ms),
        }),
      note: (message, fields) => ctx.log("info", message, fields),
    });
    ctx.progress(total, total, "ms");
    return { transcript };
  },
});
