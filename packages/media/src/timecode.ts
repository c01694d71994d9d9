import type { Media, Rational } from "@heimdex/sidecar";
import { lowerKeys, type ProbedStream, rational } from "./probe-stream.ts";

/** Source timecode: of the container, the video stream or a timecode track, whichever states one first.
 * A semicolon before the frames means drop-frame (SMPTE 12M). */
export function timecodeOf(
  streams: readonly ProbedStream[],
  tags: Readonly<Record<string, string>> | undefined,
): Media["timecode"] {
  const video = streams.find((stream) => stream.codec_type === "video" && stream.disposition?.attached_pic !== 1);
  const track = streams.find((stream) => stream.codec_type === "data" && lowerKeys(stream.tags).timecode !== undefined);
  const stated = lowerKeys(video?.tags).timecode ?? lowerKeys(track?.tags).timecode ?? lowerKeys(tags).timecode;
  const match = /^(\d{2}:\d{2}:\d{2})([:;.])(\d{2,3})$/.exec(stated ?? "");
  const rate = rateOf(track) ?? rateOf(video);
  if (match === null || rate === undefined) return undefined;
  const drop = match[2] !== ":";
  return { start: `${match[1]}${drop ? ";" : ":"}${match[3]}`, drop_frame: drop, rate };
}

function rateOf(stream: ProbedStream | undefined): Rational | undefined {
  for (const text of [stream?.avg_frame_rate, stream?.r_frame_rate]) {
    const rate = rational(text);
    if (rate !== undefined && rate.num > 0) return rate;
  }
  return undefined;
}
