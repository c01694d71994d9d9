import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { HeimdexError } from "@heimdex/errors";
import { Program } from "./program.ts";
import type { Clip, MadeShot, PhotographShot, Picture, Piece } from "./scenario.ts";
import { findVoice } from "./voice.ts";

/** Counts up when the same scenario gives other footage. */
const RECIPE = 1;
const WIDTH = 640;
const HEIGHT = 360;
const RATE = 24;
const QUIETLY = ["-hide_banner", "-loglevel", "error", "-nostdin", "-y"];
const SIGNS = fileURLToPath(new URL("./signs/", import.meta.url));

/** What the photograph is called in a clip's working folder. */
const PHOTOGRAPH = "photograph.jpg";

export interface FootageOptions {
  /** Path of ffmpeg. */
  readonly ffmpeg: string;
  /** Path of the photograph that some shots show. */
  readonly photograph: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onMake: (name: string) => void;
}

/** Makes clips with ffmpeg into a folder; one that is there, made from the same recipe, is left alone. Answers their paths, in order.
 * @throws HeimdexError NO_FFMPEG, TOOL_FAILED, DISK_FULL */
export async function makeFootage(clips: readonly Clip[], folder: string, options: FootageOptions): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const clip of clips) paths.push(await madeOnce(clip, folder, options, () => makeClip(clip, folder, options)));
  return paths;
}

/** Cuts a picture out of the photograph, into a folder. Answers its path.
 * @throws HeimdexError NO_FFMPEG, TOOL_FAILED, DISK_FULL */
export async function makePicture(picture: Picture, folder: string, options: FootageOptions): Promise<string> {
  await mkdir(folder, { recursive: true });
  const { name, piece, width, quality } = picture;
  return madeOnce(picture, folder, options, async () => {
    const { ffmpeg: path, photograph, signal } = options;
    const ffmpeg = new Program(path, folder, signal, QUIETLY);
    const filter = `${crop(piece)},scale=${width}:-2`;
    await ffmpeg.run(["-i", photograph, "-vf", filter, "-frames:v", "1", "-q:v", String(quality), "-bitexact", name]);
  });
}

/** Makes a file unless it is there from the same recipe. Answers its path. */
async function madeOnce(
  what: { readonly name: string },
  folder: string,
  { onMake }: FootageOptions,
  make: () => Promise<void>,
): Promise<string> {
  const path = join(folder, what.name);
  const stamp = join(folder, `.${what.name}.recipe`);
  const recipe = createHash("sha256")
    .update(JSON.stringify([RECIPE, what]))
    .digest("hex");
  if ((await textOf(stamp)) !== recipe || (await textOf(path, "latin1")) === undefined) {
    onMake(what.name);
    await rm(stamp, { force: true });
    await make();
    await writeFile(stamp, recipe);
  }
  return path;
}

async function makeClip(
  clip: Clip,
  folder: string,
  { ffmpeg: path, photograph, env, signal }: FootageOptions,
): Promise<void> {
  const work = join(folder, `.${clip.name}.work`);
  await rm(work, { recursive: true, force: true });
  await mkdir(work);
  try {
    const ffmpeg = new Program(path, work, signal, QUIETLY);
    const lines = clip.sound?.lines ?? [];
    if (lines.length > 0) {
      const voice = await findVoice(ffmpeg, env);
      if (voice === undefined) {
        throw new HeimdexError(
          "TOOL_FAILED",
          "there is no voice for the demo: ffmpeg has no flite source, and espeak-ng is not installed",
          {
            help: "Install espeak-ng, or an ffmpeg with flite: `heimdex doctor` says how.",
          },
        );
      }
      for (const [at, { text }] of lines.entries()) await voice.speak(text, `line${at}.wav`);
    }
    for (const shot of clip.shots) {
      if ("piece" in shot) await copyFile(photograph, join(work, PHOTOGRAPH));
      else if (shot.sign !== undefined) await copyFile(join(SIGNS, shot.sign), join(work, shot.sign));
    }
    const codec = /^ \S+ +libx264 /m.test(await ffmpeg.run(["-encoders"]))
      ? ["libx264", "-preset", "veryfast", "-crf", "23"]
      : ["mpeg4", "-q:v", "4"];
    await ffmpeg.run([
      ...clipArguments(clip),
      "-c:v",
      ...codec,
      "-pix_fmt",
      "yuv420p",
      "-c:a",
      "aac",
      "-b:a",
      "96k",
      "-bitexact",
      "-movflags",
      "+faststart",
      "clip.mp4",
    ]);
    await rename(join(work, "clip.mp4"), join(folder, clip.name));
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Inputs, filter graph and maps of a clip: each shot from a source of its own, one after the other; lines of speech over a faint hiss, as a quiet
 * place has one. */
export function clipArguments({ shots, sound }: Clip): string[] {
  const inputs: string[] = [];
  const graph: string[] = [];
  const add = (...input: string[]) => inputs.push(...input);
  let next = 0;
  for (const [at, shot] of shots.entries()) {
    if ("piece" in shot) {
      add("-loop", "1", "-framerate", String(RATE), "-t", String(shot.seconds), "-i", PHOTOGRAPH);
      graph.push(`[${next++}:v]${pan(shot)},fps=${RATE}[v${at}]`);
      continue;
    }
    add("-f", "lavfi", "-t", String(shot.seconds), "-i", madeSource(shot));
    const picture = `[${next++}:v]scale=${WIDTH}:${HEIGHT}:flags=neighbor,setsar=1,fps=${RATE},format=yuv420p`;
    if (shot.sign === undefined) {
      graph.push(`${picture}[v${at}]`);
      continue;
    }
    add("-loop", "1", "-framerate", String(RATE), "-t", String(shot.seconds), "-i", shot.sign);
    graph.push(
      `${picture}[under${at}]`,
      `[${next++}:v]format=yuv420p[sign${at}]`,
      `[under${at}][sign${at}]overlay=x=30+12*t:y=90:shortest=1[v${at}]`,
    );
  }
  graph.push(`${shots.map((_shot, at) => `[v${at}]`).join("")}concat=n=${shots.length}:v=1:a=0[video]`);
  const maps = ["-map", "[video]"];
  if (sound !== undefined) {
    const length = shots.reduce((sum, { seconds }) => sum + seconds, 0);
    add("-f", "lavfi", "-t", String(length), "-i", "anoisesrc=color=pink:amplitude=0.002:seed=1:sample_rate=16000");
    const labels = [`[${next++}:a]`];
    for (const [at, { atSeconds }] of sound.lines.entries()) {
      add("-i", `line${at}.wav`);
      graph.push(`[${next++}:a]adelay=${Math.round(atSeconds * 1000)}:all=1[a${at}]`);
      labels.push(`[a${at}]`);
    }
    graph.push(`${labels.join("")}amix=inputs=${labels.length}:duration=first:normalize=0[sound]`);
    maps.push("-map", "[sound]");
  }
  return [...inputs, "-filter_complex", graph.join(";"), ...maps];
}

/** Cells are large. */
function madeSource({ source }: MadeShot): string {
  const parts = source.startsWith("life") ? 4 : 1;
  return `${source}:size=${WIDTH / parts}x${HEIGHT / parts}:rate=${RATE}`;
}

/** The piece at the height of the picture; its width beyond the picture's is moved through. Scaled first, as else it would move in leaps. */
function pan({ piece, seconds }: PhotographShot): string {
  const moved = `crop=${WIDTH}:${HEIGHT}:'(iw-ow)*t/${seconds}':0`;
  return `${crop(piece)},scale=-2:${HEIGHT}:flags=lanczos,${moved},setsar=1,format=yuv420p`;
}

const crop = ({ x, y, width, height }: Piece) => `crop=${width}:${height}:${x}:${y}`;

async function textOf(path: string, encoding: BufferEncoding = "utf8"): Promise<string | undefined> {
  return readFile(path, encoding).catch((reason: NodeJS.ErrnoException) => {
    if (reason.code === "ENOENT") return undefined;
    throw reason;
  });
}
