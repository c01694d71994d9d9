import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { toolPath } from "@heimdex/media";

const run = promisify(execFile);

export interface FilmOptions {
  readonly seconds: number;
  readonly size: `${number}x${number}`;
  /** Length of a shot in seconds. */
  readonly shotSeconds: number;
  /** What is spoken, from the first second on; without it the sound is a quiet hum. */
  readonly speech?: string;
  /** What is written into the middle shot of every three. */
  readonly caption?: string;
}

/** Looks of shots that follow each other: a cut between any two of them is plain. */
const LOOKS = ["testsrc2", "mandelbrot", "smptehdbars"];

/** Makes an H.264 film with AAC sound, 25 frames a second, a keyframe each second. */
export async function makeFilm(folder: string, name: string, options: FilmOptions): Promise<string> {
  const { seconds, size, shotSeconds, speech, caption } = options;
  const file = join(folder, name);
  const shots = Math.ceil(seconds / shotSeconds);
  const written = caption === undefined ? "" : drawn(caption);
  const parts = Array.from({ length: shots }, (_, n) => {
    const length = Math.min(shotSeconds, seconds - n * shotSeconds);
    const look = `${LOOKS[n % LOOKS.length]}=s=${size}:r=25,format=yuv420p,setsar=1,trim=0:${length}`;
    return `${look}${n % 3 === 1 ? written : ""}[p${n}]`;
  });
  const joined = `${parts.map((_, n) => `[p${n}]`).join("")}concat=n=${shots}[v]`;
  const sound =
    speech === undefined
      ? `sine=f=110:r=48000,volume=0.05,atrim=0:${seconds}[a]`
      : `flite=text='${speech.replace(/[^\w ,.]/g, "")}':voice=slt,aresample=48000,apad,atrim=0:${seconds},asetnsamples=1024[a]`; // flite hands over all at once: too much for a frame of AAC
  const filter = [...parts, joined, sound].join(";");
  const encode = "-c:v libx264 -preset veryfast -crf 23 -g 25 -pix_fmt yuv420p -c:a aac -b:a 96k -shortest".split(" ");
  await ffmpeg("-filter_complex", filter, "-map", "[v]", "-map", "[a]", ...encode, file);
  return file;
}

function drawn(caption: string): string {
  const text = caption.replace(/[^\w ]/g, "");
  return `,drawtext=text='${text}':fontsize=h/9:fontcolor=white:box=1:boxcolor=black:boxborderw=8:x=(w-tw)/2:y=h-th-20`;
}

/** A still that the camera pans over: H.264 at 1280x720, 25 frames a second, without sound.
 * @param picture a wide picture, at least 1280 pixels wide */
export async function makePan(folder: string, name: string, picture: string, seconds: number): Promise<string> {
  const file = join(folder, name);
  const pan = `crop=w=ih*0.75*16/9*0.6:h=ih*0.75*0.6:x=(iw-ow)*t/${seconds}:y=ih*0.3,scale=1280:720,setsar=1,format=yuv420p`;
  const encode = "-c:v libx264 -preset veryfast -crf 20 -g 25".split(" ");
  await ffmpeg("-loop", "1", "-framerate", "25", "-t", String(seconds), "-i", picture, "-vf", pan, ...encode, file);
  return file;
}

/** The film over and over, its packets copied. */
export async function loopFilm(file: string, times: number, to: string): Promise<string> {
  await ffmpeg("-stream_loop", String(times - 1), "-i", file, "-c", "copy", to);
  return to;
}

/** The same film under another fingerprint: nothing known about the first is known about this one. */
export async function copyFilm(file: string, mark: string, to: string): Promise<string> {
  await ffmpeg("-i", file, "-c", "copy", "-metadata", `comment=${mark}`, to);
  return to;
}

async function ffmpeg(...args: string[]): Promise<void> {
  await run(toolPath("ffmpeg"), ["-v", "error", "-nostdin", "-y", ...args]);
}
