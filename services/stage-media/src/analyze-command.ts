import { join } from "node:path";
import { inputOptions, inputTarget, type Tool } from "@heimdex/media";
import type { Media, Stream } from "@heimdex/sidecar";
import ffmpeg, { type FfmpegCommand } from "fluent-ffmpeg";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Pipes of the one ffmpeg process. */
export const PIPES = { small: 4, smallTimes: 5, candidate: 6, candidateTimes: 7 } as const;

/** Longest side of the pictures that shots are found on: enough to tell places apart, and next to nothing to compare. */
const SMALL_SIDE = 128;
/** Longest side of the grey pictures that sharpness is measured on. */
const GREY_SIDE = 480;
/** A still is offered this often at least, in seconds. */
const CANDIDATE_SECONDS = 0.8;
/** And this long after each jump of the picture, when the transition and its coding artefacts are over. */
const SETTLE_SECONDS = 0.16;
/** `scene` of the select filter, 0..1, that counts as a jump. Far below a cut: a still too many costs a little time, one too
 * few leaves a shot without a picture. */
const JUMP = 0.025;

export interface AnalyzePlan {
  readonly command: FfmpegCommand;
  /** Of the small pictures on pipe `small`, yuv420p. */
  readonly small: Size;
  /** Of the grey pictures on pipe `candidate`. */
  readonly grey: Size;
  /** Of the stills `still-%08d.jpg`, numbered from 1. */
  readonly still: Size;
}

/** Name of the still that belongs to the candidate with this index, from 0. */
export function stillName(index: number): string {
  return `still-${String(index + 1).padStart(8, "0")}.jpg`;
}

/** One command that decodes the file once for everything. Timestamps pass through untouched (`-copyts`, the stream's own time
 * base), so that variable frame rates and start offsets stay exact.
 * @param stillSide longest side of the stills in pixels
 * @returns undefined in `command` terms never: at least one of `video` and `audio` must be given */
export function analyzeCommand(
  location: string,
  media: Media,
  streams: { video: Stream | undefined; audio: Stream | undefined },
  options: { scratch: string; stillSide: number; tool: Tool },
): AnalyzePlan {
  const { video, audio } = streams;
  const shown = displaySize(video);
  const still = fit(shown, options.stillSide, 2);
  const small = fit(shown, SMALL_SIDE, 8);
  const grey = fit(still, GREY_SIDE, 2);
  const input = [...inputOptions(location), "-copyts", ...(video === undefined ? [] : ["-noautorotate"])];
  const command = ffmpeg()
    .input(inputTarget(location))
    .inputOptions(...input);
  if (video !== undefined) addPictures(command, video, { small, grey, still }, options);
  if (audio !== undefined) addSound(command, audio, media, options.scratch);
  return { command, small, grey, still };
}

function addPictures(
  command: FfmpegCommand,
  video: Stream,
  size: { small: Size; grey: Size; still: Size },
  { scratch, tool }: { scratch: string; tool: Tool },
): void {
  // Scaling comes before turning: a turned full-size picture for every frame would cost more than all the rest.
  const turn = TURNS[video.rotation ?? 0];
  const scale = ({ width, height }: Size, flags: string) =>
    turn.swaps ? `scale=${height}:${width}:flags=${flags}` : `scale=${width}:${height}:flags=${flags}`;
  // Averaging all of a large picture costs a tenth of decoding it; four samples for each pixel are as good for telling places
  // apart, and cost next to nothing.
  const twice = { width: size.small.width * 2, height: size.small.height * 2 };
  const isLarge = Math.max(video.width ?? 0, video.height ?? 0) >= 4 * SMALL_SIDE;
  const coarse = isLarge ? `${scale(twice, "fast_bilinear")},` : "";
  const select = [
    `if(gt(scene,${JUMP}),st(0,t),0)*0`,
    `(eq(n,0)+gte(t-prev_selected_t,${CANDIDATE_SECONDS})+gte(t-ld(0),${SETTLE_SECONDS})*lt(prev_selected_t,ld(0)))`,
  ].join("+");
  // Only spatial deinterlacing makes sense of single frames.
  const weave = video.interlaced ? "estdif=mode=frame:deint=interlaced," : "";
  command.complexFilter(
    [
      `[0:${video.index}]split=2[all][some]`,
      `[all]${coarse}${scale(size.small, "area")},format=yuv420p${turn.filter},setsar=1[small]`,
      `[some]select='${select}',${weave}${scale(size.still, "bicubic")},format=yuvj420p${turn.filter},setsar=1,split=2[still][copy]`,
      `[copy]scale=${size.grey.width}:${size.grey.height}:flags=area,format=gray[grey]`,
    ].join(";"),
  );
  const release = tool.release;
  const hasFpsMode = release === undefined || release[0] > 5 || (release[0] === 5 && release[1] >= 1);
  const exact = [
    ...(hasFpsMode ? ["-fps_mode", "passthrough"] : ["-vsync", "passthrough"]),
    ...["-enc_time_base", `${video.time_base.num}/${video.time_base.den}`, "-avoid_negative_ts", "disabled"],
  ];
  const tee = (kind: string, target: string, times: number) =>
    `[f=${kind}:flush_packets=1]${teeName(target)}|[f=framecrc:flush_packets=1]pipe\\:${times}`;
  command
    .output(tee("rawvideo", `pipe:${PIPES.small}`, PIPES.smallTimes))
    .outputOptions("-map", "[small]", "-c:v", "rawvideo", ...exact, "-f", "tee")
    .output(`pipe:${PIPES.candidate}`)
    .outputOptions("-map", "[grey]", "-c:v", "rawvideo", ...exact, "-f", "rawvideo")
    .output(tee("image2", join(scratch, "still-%08d.jpg").replace(/%(?!08d\.jpg$)/g, "%%"), PIPES.candidateTimes))
    .outputOptions("-map", "[still]", "-c:v", "mjpeg", "-q:v", "3", "-threads", "1", ...exact, "-f", "tee");
}

/** 16 kHz mono, whose sample 0 is the timeline's 0: what is missing before it or in gaps becomes silence. */
function addSound(command: FfmpegCommand, audio: Stream, media: Media, scratch: string): void {
  // `first_pts` counts samples of the filter's input, whose rate containers do not always state rightly (HE-AAC): so the rate is
  // changed first, and gaps are filled by a second filter.
  const first = Math.round((media.start_offset_ms * AUDIO_RATE) / 1000);
  command
    .output(`file:${join(scratch, AUDIO_NAME)}`)
    .outputOptions("-map", `0:${audio.index}`, "-af", `aresample=${AUDIO_RATE},aresample=async=1:first_pts=${first}`)
    .outputOptions("-ac", "1", "-ar", String(AUDIO_RATE), "-c:a", "pcm_s16le", "-bitexact", "-f", "wav");
}

const AUDIO_RATE = 16_000;
/** The sound in the scratch folder. */
export const AUDIO_NAME = "audio.wav";

/** Turning a picture clockwise. */
const TURNS = {
  0: { filter: "", swaps: false },
  90: { filter: ",transpose=clock,sidedata=mode=delete:type=DISPLAYMATRIX", swaps: true },
  180: { filter: ",hflip,vflip,sidedata=mode=delete:type=DISPLAYMATRIX", swaps: false },
  270: { filter: ",transpose=cclock,sidedata=mode=delete:type=DISPLAYMATRIX", swaps: true },
} as const;

/** With square pixels: the longer way is stretched, nothing is thrown away. */
function displaySize(video: Stream | undefined): Size {
  const [width, height] = [video?.width ?? 2, video?.height ?? 2];
  const { num, den } = video?.sample_aspect_ratio ?? { num: 1, den: 1 };
  const aspect = Math.min(8, Math.max(1 / 8, num / den));
  return aspect >= 1 ? { width: width * aspect, height } : { width, height: height / aspect };
}

/** Within a square of `side`, never enlarged, sides a multiple of `step` and at least that. */
function fit({ width, height }: Size, side: number, step: number): Size {
  const factor = Math.min(1, side / Math.max(width, height));
  const even = (value: number) => Math.max(step, Math.round((value * factor) / step) * step);
  return { width: even(width), height: even(height) };
}

/** The tee muxer splits at `|`, reads `[` as options, and takes backslash and quote as escapes. */
function teeName(name: string): string {
  return name.replace(/[\\'|[\]:]/g, "\\$&");
}
