import type { FileHandle } from "node:fs/promises";
import type { SpeechRegion } from "./speech-segmenter.ts";
import { SAMPLES_PER_MS, type WavAudio } from "./wav-audio.ts";

/** Samples of the regions, one after the other; what the file no longer holds is silence. Reads nothing else of it. */
export async function readPcm(
  file: FileHandle,
  audio: WavAudio,
  regions: readonly SpeechRegion[],
): Promise<Int16Array<ArrayBuffer>> {
  const total = regions.reduce((sum, { startMs, endMs }) => sum + (endMs - startMs) * SAMPLES_PER_MS, 0);
  const pcm = new Int16Array(total);
  let at = 0;
  for (const { startMs, endMs } of regions) {
    const samples = (endMs - startMs) * SAMPLES_PER_MS;
    const there = Math.max(0, Math.min(samples, audio.samples - startMs * SAMPLES_PER_MS));
    const into = new Uint8Array(pcm.buffer, at * 2, there * 2); // wav and every machine Node runs on are little-endian
    await file.read(into, 0, into.length, audio.dataOffset + startMs * SAMPLES_PER_MS * 2);
    at += samples;
  }
  return pcm;
}
