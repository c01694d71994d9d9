import { HeimdexError } from "@heimdex/errors";
import { findFfmpeg } from "@heimdex/media";
import type { Capability } from "@heimdex/stage-sdk";

/** Available where ffmpeg and ffprobe run. */
export async function ffmpegCapability(signal: AbortSignal): Promise<Capability> {
  try {
    await findFfmpeg(signal);
    return { available: true };
  } catch (error) {
    if (!(error instanceof HeimdexError)) throw error;
    return { available: false, reason: error.id, help: `${error.message}. ${error.help}` };
  }
}
