import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { type TestContext, test } from "node:test";
import { SEGMENTER_DEFAULTS } from "./speech-segmenter.ts";
import { audibleMs, join, lavfi, lengthMs, type Pcm, silence, speech, writeWav } from "./testing/made-audio.ts";
import { sileroPath } from "./testing/silero.ts";
import { tempFolder } from "./testing/temp-folder.ts";
import { VadThread } from "./vad-thread.ts";
import { openWav } from "./wav-file.ts";

const model = await sileroPath();
const forever = new AbortController().signal;

async function wav(t: TestContext, pcm: Pcm) {
  return openWav(await writeWav(joinPath(await tempFolder(t), "a.wav"), pcm));
}

test("speech between silences is found, its edges within a fifth of a second of what is heard", async (t) => {
  await using vad = new VadThread(model);
  const [one, two] = [await speech("We are going to open the front door."), await speech("The weather today is warm.")];
  const audio = await wav(t, join(silence(3_000), one, silence(2_000), two, silence(2_500)));
  const regions = await vad.detect(audio, SEGMENTER_DEFAULTS, forever);
  assert.equal(regions.length, 2);
  const starts = [3_000, 3_000 + lengthMs(one) + 2_000];
  for (const [i, said] of [one, two].entries()) {
    const { startMs, endMs } = audibleMs(said);
    const want = { startMs: (starts[i] ?? 0) + startMs, endMs: (starts[i] ?? 0) + endMs };
    const found = regions[i] ?? { startMs: 0, endMs: 0 };
    const { padMs } = SEGMENTER_DEFAULTS;
    assert.ok(Math.abs(found.startMs + padMs - want.startMs) <= 200, `start ${found.startMs}, heard ${want.startMs}`);
    assert.ok(Math.abs(found.endMs - padMs - want.endMs) <= 200, `end ${found.endMs}, heard ${want.endMs}`);
  }
});

test("silence, hum and noise are no speech; one thread serves many files", async (t) => {
  await using vad = new VadThread(model);
  for (const pcm of [
    silence(0),
    silence(10),
    silence(4_000),
    await lavfi("sine=f=440:d=4"),
    await lavfi("anoisesrc=d=4:c=pink:a=0.3:seed=1"),
  ]) {
    assert.deepEqual(await vad.detect(await wav(t, pcm), SEGMENTER_DEFAULTS, forever), []);
  }
});

test("progress is told in ms of audio; an abort rejects with its reason and the thread goes on", async (t) => {
  await using vad = new VadThread(model);
  const audio = await wav(t, silence(60_000));
  const stop = new AbortController();
  const reason = new Error("enough");
  const seen: number[] = [];
  const stopped = vad.detect(audio, SEGMENTER_DEFAULTS, stop.signal, (ms) => {
    seen.push(ms);
    stop.abort(reason);
  });
  await assert.rejects(stopped, reason);
  assert.deepEqual(seen, [8_000]);
  assert.deepEqual(await vad.detect(audio, SEGMENTER_DEFAULTS, forever), []);
});

test("a model that is none fails each request with a reason; a closed thread too", async (t) => {
  const path = joinPath(await tempFolder(t), "bad.onnx");
  await writeFile(path, "no model");
  const vad = new VadThread(path);
  const audio = await wav(t, silence(100));
  for (let i = 0; i < 2; i++) {
    await assert.rejects(vad.detect(audio, SEGMENTER_DEFAULTS, forever), {
      name: "StageFailure",
      reason: "VAD_FAILED",
    });
  }
  await vad[Symbol.asyncDispose]();
  await vad[Symbol.asyncDispose]();
  assert.equal(vad.alive, false);
  await assert.rejects(vad.detect(audio, SEGMENTER_DEFAULTS, forever), { reason: "VAD_FAILED" });
});
