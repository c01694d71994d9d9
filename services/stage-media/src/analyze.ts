import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { findFfmpeg, type Limits, MediaError, mainAudio, mainVideo, runFfmpeg } from "@heimdex/media";
import { itemId, type KeyframeItem, type Media, type Rational, type ShotItem, type Stream } from "@heimdex/sidecar";
import { AUDIO_NAME, analyzeCommand, PIPES, type Size, stillName } from "./analyze-command.ts";
import { FramePairs } from "./frame-pairs.ts";
import { type Candidate, KeyframePicker, type PickedShot, quality } from "./keyframe-picker.ts";
import { lookOf } from "./look.ts";
import { isBlank, laplacianVariance, lumaOf } from "./picture.ts";
import { ShotBoundaries } from "./shot-boundaries.ts";
import { thinOut } from "./thin-out.ts";

export interface AnalyzeOptions {
  /** Facts from `probe` about the same bytes. */
  readonly media: Media;
  /** Id of the asset, for the ids of items. */
  readonly asset: string;
  /** Folder for the stills and the sound. */
  readonly scratch: string;
  /** A still for each such stretch of a long shot, in seconds. Default 10. */
  readonly keyframeSeconds?: number;
  /** Longest side of a still in pixels. Default 1280. */
  readonly stillSide?: number;
  /** Stills of one asset at most; windows are widened to keep to it. Default 2000. */
  readonly maxKeyframes?: number;
  readonly limits?: Partial<Limits>;
  readonly signal?: AbortSignal | undefined;
  /** @param doneMs of the asset's timeline */
  readonly onProgress?: (doneMs: number) => void;
}

export interface Analysis {
  /** In order; they tile the video from its first frame to the end of its last. */
  readonly shots: readonly ShotItem[];
  readonly keyframes: readonly KeyframeItem[];
  /** Files of the keyframes' pictures, each picture once, in order of first use. */
  readonly images: readonly string[];
  /** WAV file: PCM s16le, 16 kHz, mono, sample 0 at the timeline's 0. Absent without sound. */
  readonly audio: string | undefined;
  /** File of the best keyframe. Absent without a picture worth showing. */
  readonly poster: string | undefined;
  /** Why the result is not whole; undefined when it is. */
  readonly partial: string | undefined;
  /** CPU time of ffmpeg in ms. */
  readonly cpuMs: number;
}

/** Finds shots, stills and sound in one pass of one ffmpeg process. Memory does not depend on the duration.
 * @throws MediaError DECODE_FAILED when nothing can be decoded, or a limit's reason; HeimdexError NO_FFMPEG */
export async function analyze(location: string, options: AnalyzeOptions): Promise<Analysis> {
  const { media, scratch, signal } = options;
  const [video, audio] = [mainVideo(media), mainAudio(media)];
  if (video === undefined && audio === undefined)
    throw new MediaError("NO_STREAMS", "no stream of the file can be decoded", {
      help: "Convert it to mp4 or mkv first.",
    });
  const { ffmpeg: tool } = await findFfmpeg(signal);
  const stillSide = options.stillSide ?? 1280;
  const plan = analyzeCommand(location, media, { video, audio }, { scratch, stillSide, tool });
  const pictures = video === undefined ? undefined : new PictureAnalysis(video, plan, options);
  const command = (plan.command as unknown as { _getArguments(): string[] })._getArguments();
  // Warnings of the scaler about JPEG's full range would push what matters out of the log's tail.
  const run = await runFfmpeg(["-loglevel", "error", ...command], {
    signal,
    limits: {
      // Small pictures pass through at the speed of decoding and are not kept; only files fill the disk.
      outputBytes: Number.MAX_SAFE_INTEGER,
      fileBytes: Math.ceil((media.duration_ms / 1000 + 3600) * 32_000) + 64 * 1024 ** 2,
      ...options.limits,
    },
    ...(pictures === undefined ? {} : { pipes: pictures.pipes }),
    onProgress: (outMs) => {
      if (pictures === undefined) options.onProgress?.(clamp(outMs - media.start_offset_ms, media.duration_ms));
    },
  });
  const sound = audio === undefined ? undefined : await soundFile(scratch);
  const picked = await pictures?.finish();
  if (sound === undefined && (picked === undefined || picked.shots.length === 0)) throw nothingDecoded(run);
  const end = Math.max(picked?.shots.at(-1)?.end_ms ?? 0, sound?.durationMs ?? 0);
  return {
    shots: picked?.shots ?? [],
    keyframes: picked?.keyframes ?? [],
    images: picked?.images ?? [],
    audio: sound?.file,
    poster: picked?.poster,
    partial: partialReason(media, { video, audio }, end, picked, sound !== undefined),
    cpuMs: run.cpuMs,
  };
}

/** ffmpeg goes on after each frame it cannot decode and ends well, so its last lines have to tell. */
function nothingDecoded({ logTail, cpuMs }: { logTail: string; cpuMs: number }): MediaError {
  if (/cannot allocate memory/i.test(logTail))
    return new MediaError("MEMORY_LIMIT", "the file's pictures need more memory than a file may use", {
      help: "Convert it to a smaller picture size first.",
      ...{ logTail, cpuMs },
    });
  return new MediaError("DECODE_FAILED", "nothing in the file could be decoded", {
    help: "Play it with another program; if that works, report it.",
    ...{ logTail, cpuMs },
  });
}

function partialReason(
  media: Media,
  { video, audio }: { video: Stream | undefined; audio: Stream | undefined },
  endMs: number,
  picked: { shots: readonly ShotItem[] } | undefined,
  hasSound: boolean,
): string | undefined {
  if (media.truncated !== undefined) return `TRUNCATED: ${media.truncated.reason}`;
  if (video !== undefined && (picked?.shots.length ?? 0) === 0)
    return "NO_PICTURE: the video stream could not be decoded";
  if (audio !== undefined && !hasSound) return "NO_SOUND: the audio stream could not be decoded";
  // Containers round and overstate; a fiftieth is more than that.
  if (endMs < media.duration_ms - Math.max(2_000, media.duration_ms / 50))
    return `TRUNCATED: it ends at ${endMs} ms, the container states ${media.duration_ms} ms`;
  return undefined;
}

/** RIFF, fmt and data headers and nothing else, because of `-bitexact`. */
const WAV_HEADER = 44;

async function soundFile(scratch: string): Promise<{ file: string; durationMs: number } | undefined> {
  const file = join(scratch, AUDIO_NAME);
  const { size } = await stat(file);
  // 2 bytes a sample, 16 samples a ms.
  return size <= WAV_HEADER ? undefined : { file, durationMs: Math.floor((size - WAV_HEADER) / 32) };
}

/** What is done with the pictures while ffmpeg runs. */
class PictureAnalysis {
  readonly #video: Stream;
  readonly #plan: { small: Size; grey: Size; still: Size };
  readonly #options: AnalyzeOptions;
  readonly #boundaries: ShotBoundaries;
  readonly #picker: KeyframePicker;
  readonly #max: number;
  #picked: PickedShot[] = [];
  #kept = 0;
  #firstPts: number | undefined;
  #lastPts = Number.NEGATIVE_INFINITY;
  readonly #gaps: number[] = [];
  #offered = Number.NEGATIVE_INFINITY;
  #told = 0;
  readonly #pairs: { small: FramePairs; candidate: FramePairs };

  constructor(video: Stream, plan: { small: Size; grey: Size; still: Size }, options: AnalyzeOptions) {
    this.#video = video;
    this.#plan = plan;
    this.#options = options;
    this.#max = options.maxKeyframes ?? 2_000;
    const windowSeconds = Math.max(options.keyframeSeconds ?? 10, options.media.duration_ms / 1000 / (this.#max / 2));
    this.#picker = new KeyframePicker(
      windowSeconds,
      (shot) => this.#keep(shot),
      (index) => this.#remove(index),
    );
    this.#boundaries = new ShotBoundaries((boundary) => this.#picker.boundary(boundary));
    const { small, grey } = plan;
    this.#pairs = {
      small: new FramePairs((small.width * small.height * 3) / 2, (frame, pts) => this.#see(frame, pts)),
      candidate: new FramePairs(grey.width * grey.height, (frame, pts, index) => this.#judge(frame, pts, index)),
    };
  }

  get pipes() {
    return {
      [PIPES.small]: this.#pairs.small.readFrames,
      [PIPES.smallTimes]: this.#pairs.small.readTimes,
      [PIPES.candidate]: this.#pairs.candidate.readFrames,
      [PIPES.candidateTimes]: this.#pairs.candidate.readTimes,
    };
  }

  #see(planes: Uint8Array, pts: number): void {
    // A step back in time (a damaged or spliced file) has no place on a timeline.
    if (pts <= this.#lastPts) return;
    if (this.#firstPts === undefined) {
      this.#firstPts = pts;
      this.#picker.begin(pts, this.#time(pts));
    } else {
      this.#gaps.push(pts - this.#lastPts);
      if (this.#gaps.length > 32) this.#gaps.shift();
    }
    this.#lastPts = pts;
    this.#boundaries.push({ pts, time: this.#time(pts), picture: { ...this.#plan.small, planes } });
    const now = performance.now();
    if (now - this.#told < 250) return;
    this.#told = now;
    this.#settle();
    this.#options.onProgress?.(clamp(this.#ms(pts), this.#options.media.duration_ms));
  }

  #judge(grey: Uint8Array, pts: number, index: number): void {
    const { width, height } = this.#plan.grey;
    const luma = lumaOf(grey, width * height);
    const time = this.#time(pts);
    if (time <= this.#offered) {
      this.#remove(index);
      return;
    }
    this.#offered = time;
    this.#picker.offer({
      ...{ index, pts, time, sharpness: laplacianVariance(grey, width, height) },
      ...{ luma: luma.mean, contrast: luma.deviation, blank: isBlank(luma), look: lookOf(grey, width, height) },
    });
  }

  #settle(): void {
    this.#picker.settle(Math.min(this.#boundaries.settled, this.#offered));
  }

  #keep(shot: PickedShot): void {
    this.#picked.push(shot);
    this.#kept += shot.keyframes.length;
    if (this.#kept > 2 * this.#max) this.#thin();
  }

  #thin(): void {
    const { shots, dropped } = thinOut(this.#picked, this.#max);
    for (const { index } of dropped) this.#remove(index);
    this.#picked = shots;
    this.#kept = shots.reduce((sum, { keyframes }) => sum + keyframes.length, 0);
  }

  #remove(index: number): void {
    rmSync(join(this.#options.scratch, stillName(index)), { force: true });
  }

  /** To be called when ffmpeg has ended. */
  async finish(): Promise<{
    shots: ShotItem[];
    keyframes: KeyframeItem[];
    images: string[];
    poster: string | undefined;
  }> {
    if (this.#firstPts !== undefined) {
      const endPts = this.#endPts();
      this.#boundaries.finish(this.#time(endPts));
      this.#picker.finish(endPts, this.#time(endPts));
    }
    this.#dropBlank();
    if (this.#kept > this.#max) this.#thin();
    const shots: ShotItem[] = [];
    const keyframes: KeyframeItem[] = [];
    const images = new Map<string, string>();
    let best: { file: string; quality: number } | undefined;
    for (const shot of this.#picked) {
      const id = itemId("shot", this.#options.asset, "shots", shot.startPts);
      shots.push({ id, ...this.#span(shot.startPts, shot.endPts) });
      for (const [at, candidate] of shot.keyframes.entries()) {
        const file = join(this.#options.scratch, stillName(candidate.index));
        const bytes = await readFile(file);
        const sha256 = createHash("sha256").update(bytes).digest("hex");
        if (!images.has(sha256)) images.set(sha256, file);
        const [from, to] = [middle(shot.keyframes[at - 1], candidate), middle(candidate, shot.keyframes[at + 1])];
        keyframes.push({
          id: itemId("kf", this.#options.asset, "keyframes", candidate.pts),
          ...this.#span(from ?? shot.startPts, to ?? shot.endPts),
          at_ms: this.#ms(candidate.pts),
          at_pts: candidate.pts,
          image: { sha256, size: bytes.length, media_type: "image/jpeg" },
          ...this.#plan.still,
          shot: id,
          sharpness: Math.round(candidate.sharpness * 100) / 100,
          luma: Math.round(candidate.luma * 10) / 10,
        });
        const score = quality(candidate, []);
        if (!candidate.blank && (best === undefined || score > best.quality)) best = { file, quality: score };
      }
    }
    return { shots, keyframes, images: [...images.values()], poster: best?.file };
  }

  /** A picture of nothing is of use only where there is no other. */
  #dropBlank(): void {
    if (this.#picked.every((shot) => shot.keyframes.every((candidate) => candidate.blank))) return;
    this.#picked = this.#picked.map((shot) => {
      const [blank] = shot.keyframes;
      if (!blank?.blank) return shot;
      this.#remove(blank.index);
      this.#kept--;
      return { ...shot, keyframes: [] };
    });
  }

  /** The last frame lasts until the stream's stated end, where that is believable, else as long as those before it. */
  #endPts(): number {
    const { num, den } = this.#timeBase;
    const { start_ms, duration_ms, average_frame_rate: rate } = this.#video;
    const ticks = (seconds: number) => Math.max(1, Math.round((seconds * den) / num));
    const usual =
      this.#gaps.toSorted((a, b) => a - b)[Math.floor(this.#gaps.length / 2)] ??
      ticks(rate === undefined ? 0.04 : rate.den / rate.num);
    const stated =
      duration_ms === undefined ? undefined : Math.round((((start_ms ?? 0) + duration_ms) * den) / num / 1000);
    const lasts = (stated ?? 0) - this.#lastPts;
    // The stated length is in whole ms: within one of them, the exact value is the better one.
    const believable = lasts > 0 && lasts <= ticks(10) && Math.abs(lasts - usual) > ticks(0.0011);
    return this.#lastPts + (believable && this.#options.media.truncated === undefined ? lasts : usual);
  }

  get #timeBase(): Rational {
    return this.#video.time_base;
  }

  #time(pts: number): number {
    return (pts * this.#timeBase.num) / this.#timeBase.den;
  }

  /** On the asset's timeline, whose 0 is the container's first timestamp. */
  #ms(pts: number): number {
    return Math.max(0, Math.round(this.#time(pts) * 1000 - this.#options.media.start_offset_ms));
  }

  #span(startPts: number, endPts: number) {
    const { num, den } = this.#timeBase;
    return {
      start_ms: this.#ms(startPts),
      end_ms: this.#ms(endPts),
      start_pts: startPts,
      end_pts: endPts,
      time_base: { num, den },
    };
  }
}

function middle(a: Candidate | undefined, b: Candidate | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : Math.floor((a.pts + b.pts) / 2);
}

function clamp(ms: number, durationMs: number): number {
  return Math.max(0, Math.min(ms, durationMs));
}
