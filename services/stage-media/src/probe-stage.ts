import { probe, throughRelay } from "@heimdex/media";
import { defineStage, mediaFacts, source } from "@heimdex/stage-sdk";
import { toStageFailure } from "./failure.ts";
import { ffmpegCapability } from "./ffmpeg-capability.ts";

/** What the container holds: streams, times, timecode, rotation. Decodes nothing. */
export const probeStage = defineStage({
  name: "media.probe",
  version: "0.1.0",
  behaviour: 1,
  description: "Reads what a media file holds: streams, duration, timecode, rotation",
  inputs: { source: source() },
  outputs: { media: mediaFacts() },
  resources: { cpu: 1, memoryMiB: 256 },
  timeouts: { attemptMs: 35 * 60_000, stallMs: 35 * 60_000 },
  deterministic: true,
  slots: 2,
  probe: ffmpegCapability,
  async run({ inputs, signal, cpu, partial, span }) {
    try {
      const media = await span("ffprobe", {}, () =>
        throughRelay(inputs.source.location, (location) => probe(location, { signal, onCpu: cpu })),
      );
      if (media.truncated !== undefined) partial(`TRUNCATED: ${media.truncated.reason}`);
      return { media };
    } catch (error) {
      throw toStageFailure(error);
    }
  },
});
