import assert from "node:assert/strict";
import { open } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { after, type TestContext, test } from "node:test";
import { stageLayer } from "@heimdex/sidecar";
import { PocketSphinx } from "./pocketsphinx.ts";
import { findPocketSphinx } from "./pocketsphinx-install.ts";
import { readPcm } from "./read-pcm.ts";
import type { Recognizer } from "./recognizer.ts";
import { audibleMs, join, lavfi, lengthMs, type Pcm, silence, speech, writeWav } from "./testing/made-audio.ts";
import { sileroPath } from "./testing/silero.ts";
import { tempFolder } from "./testing/temp-folder.ts";
import { transcribe } from "./transcribe.ts";
import { transcribeStage } from "./transcribe-stage.ts";
import { VadThread } from "./vad-thread.ts";
import { durationMs } from "./wav-audio.ts";
import { openWav } from "./wav-file.ts";

const found = await findPocketSphinx();
assert.ok(found.found, "these tests need pocketsphinx and its US English model");
const recognizer = new PocketSphinx(found.install, 1);
const vad = new VadThread(await sileroPath());
after(() => vad[Symbol.asyncDispose]());

async function run(t: TestContext, pcm: Pcm) {
  const folder = await tempFolder(t);
  const progress: [number, number][] = [];
  const result = await transcribe(
    { vad, recognizer },
    {
      path: await writeWav(joinPath(folder, "a.wav"), pcm),
      asset: "asset",
      scratch: folder,
      speechThreshold: 0.5,
      phrases: { pauseMs: 600, maxPhraseMs: 10_000, minConfidence: 0.1 },
      signal: new AbortController().signal,
      onProgress: (done, total) => progress.push([done, total]),
      onCpu() {},
    },
  );
  return { ...result, progress };
}

test("what is said is written down at the time it is said", async (t) => {
  const [one, two] = [
    await speech("The president will speak to the people tomorrow morning."),
    await speech("She bought a new car with money from the bank."),
  ];
  const pcm = join(silence(4_000), one, silence(3_000), two, silence(2_000));
  const { layer, progress } = await run(t, pcm);
  stageLayer.transcript.parse(layer);
  assert.equal(layer.language, "en-US");
  const starts = [4_000, 4_000 + lengthMs(one) + 3_000];
  for (const [i, words] of [
    ["president", "people", "tomorrow"],
    ["car", "money", "bank"],
  ].entries()) {
    const said = i === 0 ? one : two;
    const start = starts[i] ?? 0;
    const { startMs, endMs } = audibleMs(said);
    const items = layer.items.filter(
      (item) => item.start_ms >= start - 300 && item.end_ms <= start + lengthMs(said) + 300,
    );
    const text = items.map((item) => item.text).join(" ");
    for (const word of words) assert.match(text, new RegExp(`\\b${word}\\b`));
    assert.ok(Math.abs((items[0]?.start_ms ?? 0) - (start + startMs)) < 300, "begins when it is heard");
    assert.ok(Math.abs((items.at(-1)?.end_ms ?? 0) - (start + endMs)) < 400, "ends when it is over");
  }
  const done = progress.map(([ms]) => ms);
  assert.deepEqual(
    done,
    done.toSorted((a, b) => a - b),
  );
  assert.deepEqual(progress.at(-1), [Math.floor(lengthMs(pcm)), Math.floor(lengthMs(pcm))]);
});

/** Held chords with a beat: what a synthesizer pad under a title sounds like. */
const MUSIC =
  "aevalsrc='0.2*sin(2*PI*220*t)*(1+sin(2*PI*3*t))/2+0.2*sin(2*PI*330*t)+0.1*sin(2*PI*(440+110*floor(mod(t*2,4)))*t)':d=8";
for (const [name, make] of [
  ["nothing at all", async () => silence(0)],
  ["10 ms", async () => silence(10)],
  ["silence", async () => silence(5_000)],
  ["noise", () => lavfi("anoisesrc=d=6:c=pink:a=0.3:seed=3")],
  ["a tone", () => lavfi("sine=f=330:d=5")],
  ["music", () => lavfi(MUSIC)],
] as const) {
  test(`no text is invented for ${name}`, async (t) => {
    const { layer } = await run(t, await make());
    assert.deepEqual(layer.items, []);
    assert.equal(layer.language, "en-US");
  });
}

test("the layer's language is the one most is said in; others are marked where they stand", async (t) => {
  const [one, two] = [await speech("Good morning everybody in this room."), await speech("Yes.")];
  const folder = await tempFolder(t);
  const languages = ["ja", "de"];
  const bilingual: Recognizer = {
    engine: "made",
    language: undefined,
    models: [],
    start: async () => {},
    recognize: async (_audio, regions) =>
      regions.map((region, i) => ({
        region,
        language: languages[i] ?? "en",
        words: ["a", "b"].map((text, n) => ({ text, startMs: n * 200, endMs: n * 200 + (i === 0 ? 190 : 90) })),
      })),
  };
  const path = await writeWav(
    joinPath(folder, "a.wav"),
    join(silence(2_000), one, silence(3_000), two, silence(2_000)),
  );
  const { layer } = await transcribe(
    { vad, recognizer: bilingual },
    {
      path,
      asset: "asset",
      scratch: folder,
      speechThreshold: 0.5,
      phrases: { pauseMs: 600, maxPhraseMs: 10_000, minConfidence: 0.1 },
      signal: new AbortController().signal,
      onProgress() {},
      onCpu() {},
    },
  );
  stageLayer.transcript.parse(layer);
  assert.deepEqual(
    [layer.language, layer.items.map(({ text, language }) => [text, language])],
    // Japanese has no blanks between words.
    [
      "ja",
      [
        ["ab", undefined],
        ["a b", "de"],
      ],
    ],
  );
});

/** A film's sound as `media.analyze` hands it on: 16 kHz mono of whatever there was. */
for (const [name, change, want] of [
  ["8 kHz telephone", "aresample=8000,highpass=f=300,lowpass=f=3400,aresample=16000", /president/],
  ["clipped", "volume=15dB", /president/],
  ["the centre of 7.1", "pan=7.1|FC=c0,pan=mono|c0=FC", /president/],
] as const) {
  test(`speech is understood: ${name}`, async (t) => {
    const { layer } = await run(
      t,
      await lavfi(`flite=text='The president will speak to the people':voice=rms,${change}`),
    );
    assert.match(layer.items.map(({ text }) => text).join(" "), want);
  });
}

test("ten hours cost no more memory than what is said in them", async (t) => {
  const folder = await tempFolder(t);
  const path = joinPath(folder, "long.wav");
  // A sparse file: ten hours of silence with a sentence near the end. Where it is, is given: to look for it takes minutes.
  const said = await speech("We are going to open the front door.");
  await writeWav(path, silence(0), { statedBytes: 10 * 3600 * 32_000 });
  const file = await open(path, "r+");
  const lastMs = 10 * 3600 * 1000 - 20_000;
  await file.truncate(44 + 10 * 3600 * 32_000);
  await file.write(Buffer.from(said.buffer, said.byteOffset, said.byteLength), 0, said.byteLength, 44 + lastMs * 32);
  await file.close();
  const audio = await openWav(path);
  assert.equal(durationMs(audio), 10 * 3600 * 1000);
  const before = process.memoryUsage();
  const regions = Array.from({ length: 1_200 }, (_, i) => ({ startMs: i * 29_000, endMs: i * 29_000 + 100 }));
  await using handle = await open(path, "r");
  for (const region of regions) assert.equal((await readPcm(handle, audio, [region])).length, 1_600);
  const end = [{ startMs: lastMs, endMs: lastMs + Math.floor(lengthMs(said) / 10) * 10 }];
  const [heard] = await recognizer.recognize(audio, end, {
    scratch: joinPath(folder, "scratch"),
    signal: new AbortController().signal,
    onCpu() {},
    onRegion() {},
  });
  assert.match(heard?.words.map(({ text }) => text).join(" ") ?? "", /front door/);
  const after = process.memoryUsage();
  const grown = after.external + after.arrayBuffers - before.external - before.arrayBuffers;
  assert.ok(grown < 64 * 2 ** 20, `${grown} bytes more of buffers for 1.1 GiB of audio`);
});

test("the stage's probe names both models with their digests", async () => {
  const capability = await transcribeStage.probe?.(new AbortController().signal);
  assert.ok(capability?.available);
  assert.deepEqual(
    capability.models?.map(({ id }) => id),
    ["silero-vad", "pocketsphinx-en-us"],
  );
  for (const { sha256 } of capability.models ?? []) assert.match(sha256, /^[0-9a-f]{64}$/);
});
