import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { silence, type WavHeader, wavBytes, writeWav } from "./testing/made-audio.ts";
import { tempFolder } from "./testing/temp-folder.ts";
import { durationMs } from "./wav-audio.ts";
import { openWav } from "./wav-file.ts";

for (const [name, header, ms, dataOffset] of [
  ["plain", {}, 100, 44],
  ["another chunk before the data, of odd length", { extraChunk: 27 }, 100, 80],
  ["sizes a stream left open", { statedBytes: 0xffff_ffff }, 100, 44],
  ["data that states 0", { statedBytes: 0 }, 100, 44],
  ["data cut off", { statedBytes: 1_000_000 }, 100, 44],
  ["something after the data", { statedBytes: 1_600 }, 50, 44],
] as const satisfies readonly (readonly [string, WavHeader, number, number])[]) {
  test(`openWav reads ${name}`, async (t) => {
    const audio = await openWav(await writeWav(join(await tempFolder(t), "a.wav"), silence(100), header));
    assert.equal(durationMs(audio), ms);
    assert.equal(audio.dataOffset, dataOffset);
  });
}

for (const [name, bytes] of [
  ["an empty file", Buffer.alloc(0)],
  ["text", Buffer.from("RIFF and so on, but no wave at all")],
  ["44.1 kHz", wavBytes(silence(10), { rate: 44_100 })],
  ["stereo", wavBytes(silence(10), { channels: 2 })],
  ["a header without data", wavBytes(silence(10)).subarray(0, 36)],
] as const) {
  test(`openWav refuses ${name}`, async (t) => {
    const path = join(await tempFolder(t), "a.wav");
    await writeFile(path, bytes);
    await assert.rejects(openWav(path), { name: "StageFailure", kind: "INPUT_REJECTED", reason: "AUDIO_UNREADABLE" });
  });
}
