import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { SAMPLE_RATE, SAMPLES_PER_MS } from "../wav-audio.ts";

/** 16 kHz mono samples, for tests. */
export type Pcm = Int16Array;

/** A sentence spoken by ffmpeg's flite voice `rms`, with its few ms of silence around. */
export async function speech(sentence: string): Promise<Pcm> {
  return lavfi(`flite=text='${sentence}':voice=rms`);
}

/** What an ffmpeg source gives, such as `sine=f=440:d=3` or `anoisesrc=d=3:c=pink`. */
export async function lavfi(graph: string): Promise<Pcm> {
  const args = [
    "-v",
    "error",
    "-f",
    "lavfi",
    "-i",
    graph,
    "-ar",
    String(SAMPLE_RATE),
    "-ac",
    "1",
    "-f",
    "s16le",
    "pipe:1",
  ];
  const { stdout } = await promisify(execFile)("ffmpeg", args, { encoding: "buffer", maxBuffer: 64 << 20 });
  return new Int16Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + (stdout.length & ~1)));
}

export function silence(ms: number): Pcm {
  return new Int16Array(ms * SAMPLES_PER_MS);
}

export function join(...parts: Pcm[]): Pcm {
  const all = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

export function lengthMs(pcm: Pcm): number {
  return pcm.length / SAMPLES_PER_MS;
}

/** First and last ms at which something is to be heard. */
export function audibleMs(pcm: Pcm): { startMs: number; endMs: number } {
  const loud = (sample: number) => Math.abs(sample) > 400;
  return { startMs: pcm.findIndex(loud) / SAMPLES_PER_MS, endMs: pcm.findLastIndex(loud) / SAMPLES_PER_MS };
}

export interface WavHeader {
  readonly rate?: number;
  readonly channels?: number;
  /** Size the data chunk states. Default: the truth. */
  readonly statedBytes?: number;
  /** Bytes of another chunk put before the data. */
  readonly extraChunk?: number;
}

export function wavBytes(
  pcm: Pcm,
  { rate = SAMPLE_RATE, channels = 1, statedBytes, extraChunk }: WavHeader = {},
): Buffer {
  const data = Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength);
  const format = Buffer.alloc(16);
  format.writeUInt16LE(1, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(rate, 4);
  format.writeUInt32LE(rate * channels * 2, 8);
  format.writeUInt16LE(channels * 2, 12);
  format.writeUInt16LE(16, 14);
  const extra = extraChunk === undefined ? [] : [chunk("LIST", Buffer.alloc(extraChunk, 1))];
  const body = Buffer.concat([Buffer.from("WAVE"), chunk("fmt ", format), ...extra, chunk("data", data, statedBytes)]);
  return chunk("RIFF", body);
}

function chunk(id: string, body: Buffer, stated = body.length): Buffer {
  const head = Buffer.alloc(8, id, "latin1");
  head.writeUInt32LE(stated, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

export async function writeWav(path: string, pcm: Pcm, header: WavHeader = {}): Promise<string> {
  await writeFile(path, wavBytes(pcm, header));
  return path;
}
