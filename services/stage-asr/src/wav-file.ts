import { type FileHandle, open } from "node:fs/promises";
import { resolve } from "node:path";
import { StageFailure } from "@heimdex/stage-sdk";
import { SAMPLE_RATE, type WavAudio } from "./wav-audio.ts";

const PCM = 1;
const EXTENSIBLE = 0xfffe;
/** More chunks before `data` than any writer makes. */
const MAX_CHUNKS = 64;

/** Reads a wav file's header (RIFF: Multimedia Programming Interface and Data Specifications 1.0, 1991).
 * Writers that stream leave the sizes at 0 or 0xFFFFFFFF; then the file's own end counts.
 * @throws StageFailure INPUT_REJECTED AUDIO_UNREADABLE when it is not 16 kHz mono 16-bit PCM */
export async function openWav(path: string): Promise<WavAudio> {
  await using file = await open(path, "r");
  const { size } = await file.stat();
  const riff = await readAt(file, 0, 12);
  if (riff.length < 12 || riff.toString("latin1", 0, 4) !== "RIFF" || riff.toString("latin1", 8, 12) !== "WAVE") {
    throw unreadable("it has no RIFF/WAVE header");
  }
  let offset = 12;
  let formatSeen = false;
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    const head = await readAt(file, offset, 8);
    if (head.length < 8) throw unreadable("it has no data chunk");
    const id = head.toString("latin1", 0, 4);
    const stated = head.readUInt32LE(4);
    if (id === "fmt ") {
      checkFormat(await readAt(file, offset + 8, 26));
      formatSeen = true;
    }
    if (id === "data") {
      if (!formatSeen) throw unreadable("its data comes before its format");
      const present = size - offset - 8;
      const bytes = stated === 0 || stated === 0xffff_ffff ? present : Math.min(stated, present);
      return { path: resolve(path), dataOffset: offset + 8, samples: Math.floor(bytes / 2) };
    }
    offset += 8 + stated + (stated % 2);
  }
  throw unreadable("it has no data chunk");
}

function checkFormat(format: Buffer): void {
  if (format.length < 16) throw unreadable("its format chunk is cut off");
  let tag = format.readUInt16LE(0);
  if (tag === EXTENSIBLE && format.length >= 26) tag = format.readUInt16LE(24);
  const channels = format.readUInt16LE(2);
  const rate = format.readUInt32LE(4);
  const bits = format.readUInt16LE(14);
  if (tag !== PCM || channels !== 1 || rate !== SAMPLE_RATE || bits !== 16) {
    throw unreadable(`it is format ${tag}, ${channels} channel(s), ${rate} Hz, ${bits} bit`);
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead);
}

function unreadable(why: string): StageFailure {
  return new StageFailure("INPUT_REJECTED", "AUDIO_UNREADABLE", `The audio cannot be read: ${why}.`, {
    help: "The stage that puts out heimdex.audio-16k-mono must write 16 kHz mono 16-bit PCM in a wav file.",
  });
}
