import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { MediaError, mediaCommand, runFfmpeg, throughRelay } from "@heimdex/media";
import { StageFailure } from "@heimdex/stage-sdk";
import { MAX_SUBTITLE_BYTES } from "./subtitles.ts";
import type { SubtitleFormat, SubtitleTrack } from "./track.ts";

/** How ffmpeg writes each format. What already is ASS or WebVTT is copied, so that speakers survive; all else becomes SRT. */
const OUTPUT: Readonly<
  Record<SubtitleFormat, { readonly codec: string; readonly muxer: string; readonly extension: string }>
> = {
  srt: { codec: "srt", muxer: "srt", extension: "srt" },
  webvtt: { codec: "copy", muxer: "webvtt", extension: "vtt" },
  ass: { codec: "copy", muxer: "ass", extension: "ass" },
};

export interface ExtractRequest {
  /** Path or URL of the media. */
  readonly location: string;
  readonly scratch: string;
  readonly signal: AbortSignal;
  /** End of the last cue written, in ms on the container's clock. */
  onProgress(ms: number): void;
  onCpu(ms: number): void;
}

/** Takes one text track out of a container, cues on the container's own clock (`-copyts`): the caller subtracts its start.
 * @returns the bytes of a subtitle file, undefined when it is larger than `MAX_SUBTITLE_BYTES`
 * @throws StageFailure with the reason of @heimdex/media */
export async function extractTrack(track: SubtitleTrack, request: ExtractRequest): Promise<Uint8Array | undefined> {
  const { codec, muxer, extension } = OUTPUT[track.format];
  const path = join(request.scratch, `track-${track.stream}.${extension}`);
  const extract = (location: string) =>
    runFfmpeg(
      mediaCommand(location, undefined, ["-copyts"])
        .output(path)
        .outputOptions("-map", `0:${track.stream}`, "-c:s", codec, "-avoid_negative_ts", "disabled", "-f", muxer),
      {
        // Twice what is read afterwards: a larger one is then noted as too large, not failed.
        limits: { wallMs: 3_600_000, memoryBytes: 2 * 1024 ** 3, outputBytes: 2 * MAX_SUBTITLE_BYTES },
        signal: request.signal,
        onProgress: request.onProgress,
      },
    );
  try {
    const { cpuMs } = await throughRelay(request.location, extract);
    request.onCpu(cpuMs);
    return (await stat(path)).size > MAX_SUBTITLE_BYTES ? undefined : await readFile(path);
  } catch (error) {
    if (!(error instanceof MediaError)) throw error;
    request.onCpu(error.cpuMs);
    const resource = error.reason === "DISK_FULL" || error.reason === "MEMORY_LIMIT";
    const passes = ["TIME_LIMIT", "SOURCE_NOT_FOUND", "SOURCE_UNREADABLE"].includes(error.reason);
    const kind = resource ? "RESOURCE" : passes ? "RETRYABLE" : "INPUT_REJECTED";
    throw new StageFailure(kind, error.reason, `Reading subtitles (${track.name}) failed: ${error.message}.`, {
      help: error.help,
      cause: error,
      ...(error.logTail === undefined ? {} : { logTail: error.logTail }),
    });
  }
}
