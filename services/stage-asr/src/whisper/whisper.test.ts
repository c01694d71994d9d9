import assert from "node:assert/strict";
import { join as joinPath } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { EngineError, EngineProcess } from "@heimdex/engine";
import { StageFailure } from "@heimdex/stage-sdk";
import type { RecognizeOptions } from "../recognizer.ts";
import type { SpeechRegion } from "../speech-segmenter.ts";
import { silence, writeWav } from "../testing/made-audio.ts";
import { madeSignal } from "../testing/made-signal.ts";
import { tempFolder } from "../testing/temp-folder.ts";
import { openWav } from "../wav-file.ts";
import type { Decoding } from "./decoding.ts";
import { Whisper, type WhisperEngine } from "./whisper.ts";
import type { WhisperInit, WhisperRequest } from "./whisper-engine.ts";

const MODEL = { id: "whisper-base", sha256: "0".repeat(64), licence: "Apache-2.0" };
const FOLDER = fileURLToPath(new URL("../../fixtures/whisper-made", import.meta.url));

/** The process's place taken by an answer for each request: what a real model says cannot be had at will. */
function fake(answer: (request: WhisperRequest, call: number) => Partial<Decoding>) {
  const requests: WhisperRequest[] = [];
  const engine: WhisperEngine = {
    start: async () => {},
    async call(request) {
      requests.push(request);
      const sure = {
        words: [],
        language: "en",
        languageProbability: 1,
        noSpeechProbability: 0,
        meanLogProbability: -0.1,
      };
      return { value: { ...sure, tokens: [], ...answer(request, requests.length) }, cpuMs: 5 };
    },
  };
  return { recognizer: new Whisper(MODEL, engine), requests };
}
const word = (text: string, startMs: number, endMs = startMs + 200) => ({ text, startMs, endMs, confidence: 0.9 });
const loop = () => Array.from({ length: 12 }, (_, i) => word("so", i * 210));

async function audioOf(t: TestContext, pcm = silence(120_000)) {
  return openWav(await writeWav(joinPath(await tempFolder(t), "a.wav"), pcm));
}
function options(more: Partial<RecognizeOptions> = {}): RecognizeOptions {
  return { scratch: "/nonexistent", signal: new AbortController().signal, onCpu() {}, onRegion() {}, ...more };
}
const REGIONS: SpeechRegion[] = [
  { startMs: 1_000, endMs: 11_000 },
  { startMs: 20_000, endMs: 35_000 },
  { startMs: 60_000, endMs: 80_000 },
];

test("regions share windows, each gets its words and language back, and is told once", async (t) => {
  const { recognizer, requests } = fake((_, call) =>
    call === 1
      ? { words: [word("eins", 500), word("zwei", 12_000)], language: "de" }
      : { words: [word("ichi", 100)], language: "jw" },
  );
  const told: SpeechRegion[] = [];
  let cpuMs = 0;
  const results = await recognizer.recognize(
    await audioOf(t),
    REGIONS,
    options({
      onRegion: (region) => told.push(region),
      onCpu: (ms) => {
        cpuMs += ms;
      },
    }),
  );
  assert.deepEqual(
    results.map(({ language, words }) => [language, words.map(({ text, startMs }) => [text, startMs])]),
    [
      ["de", [["eins", 500]]],
      ["de", [["zwei", 2_000]]],
      ["jv", [["ichi", 100]]],
    ],
  );
  assert.deepEqual([told, cpuMs], [REGIONS, 10]);
  assert.deepEqual(
    requests.map(({ pcm, language }) => [pcm.length, language]),
    [
      [25_000 * 16, undefined],
      [20_000 * 16, undefined],
    ],
  );
});

test("the samples sent are those of the regions, end to end", async (t) => {
  const { recognizer, requests } = fake(() => ({}));
  const signal = madeSignal(3 * 16_000);
  await recognizer.recognize(
    await audioOf(t, signal),
    [
      { startMs: 100, endMs: 400 },
      { startMs: 2_500, endMs: 3_000 },
    ],
    options(),
  );
  assert.deepEqual(requests[0]?.pcm, Int16Array.of(...signal.slice(1_600, 6_400), ...signal.slice(40_000, 48_000)));
});

test("a window that is not believed is heard again region by region; what still loops is left out", async (t) => {
  const { recognizer, requests } = fake(({ pcm }) =>
    pcm.length === 15_000 * 16 ? { words: [word("right", 300)] } : { words: loop() },
  );
  const results = await recognizer.recognize(await audioOf(t), REGIONS.slice(0, 2), options());
  assert.deepEqual(
    requests.map(({ pcm }) => pcm.length / 16),
    [25_000, 10_000, 15_000],
  );
  assert.deepEqual(
    results.map(({ words, dropped }) => [words.length, dropped]),
    [
      [0, "loop"],
      [1, undefined],
    ],
  );
});

test("no words where the model hears no speech; unsure words of a lone region are left to the confidence filter", async (t) => {
  const audio = await audioOf(t);
  const words = [word("thanks", 100)];
  const unsure = fake(() => ({ words, meanLogProbability: -1.5 }));
  const [kept] = await unsure.recognizer.recognize(audio, REGIONS.slice(0, 1), options());
  assert.equal(kept?.words.length, 1);
  const quiet = fake(() => ({ words, meanLogProbability: -1.5, noSpeechProbability: 0.8 }));
  const [none] = await quiet.recognizer.recognize(audio, REGIONS.slice(0, 1), options());
  assert.deepEqual([none?.words, none?.dropped], [[], "no-speech"]);
  assert.equal(quiet.requests.length, 1);
});

test("a language that is set is asked for by Whisper's code", async (t) => {
  const { recognizer, requests } = fake(() => ({}));
  for (const language of ["de-AT", "nb", "jv"]) {
    await recognizer.recognize(await audioOf(t), REGIONS.slice(0, 1), options({ language }));
  }
  assert.deepEqual(
    requests.map(({ language }) => language),
    ["de", "no", "jw"],
  );
});

for (const [error, kind, reason] of [
  [new EngineError("MODEL_UNUSABLE", "no decoder"), "TERMINAL", "MODEL_UNUSABLE"],
  [new EngineError("LANGUAGE_UNKNOWN", "it knows en, de"), "TERMINAL", "LANGUAGE_UNSUPPORTED"],
  [new EngineError("ENGINE_FAILED", "out of range"), "RETRYABLE", "RECOGNIZER_FAILED"],
] as const) {
  test(`${error.code} fails the attempt as ${reason}`, async (t) => {
    const engine: WhisperEngine = { start: () => Promise.reject(error), call: () => Promise.reject(error) };
    const recognizer = new Whisper(MODEL, engine);
    const failure = (thrown: unknown) =>
      thrown instanceof StageFailure &&
      thrown.kind === kind &&
      thrown.reason === reason &&
      (thrown.message.includes(MODEL.id) || reason === "RECOGNIZER_FAILED");
    await assert.rejects(recognizer.recognize(await audioOf(t), REGIONS.slice(0, 1), options()), failure);
    await assert.rejects(recognizer.start(), failure);
  });
}

test("the real engine, in its process: words within their regions; a crash fails one attempt only", async (t) => {
  const entry = new URL("./whisper-engine.ts", import.meta.url);
  await using engine = new EngineProcess<WhisperInit, WhisperRequest, Decoding>(entry, { folder: FOLDER, threads: 1 });
  const recognizer = new Whisper(MODEL, engine);
  const audio = await audioOf(t, madeSignal(40 * 16_000));
  const regions = [
    { startMs: 0, endMs: 6_000 },
    { startMs: 8_000, endMs: 20_000 },
    { startMs: 21_000, endMs: 40_000 },
  ];
  const run = () => recognizer.recognize(audio, regions, options({ language: "de" }));
  const first = await run();
  assert.deepEqual(
    first.map(({ region, language }) => [region, language]),
    regions.map((region) => [region, "de"]),
  );
  assert.ok(first.some(({ words }) => words.length > 3));
  for (const { region, words } of first) {
    let free = 0;
    for (const { startMs, endMs } of words) {
      assert.ok(startMs >= free && endMs > startMs && endMs <= region.endMs - region.startMs);
      free = endMs;
    }
  }
  const { pid } = engine;
  assert.ok(pid);
  const crashing = run();
  process.kill(pid, "SIGKILL");
  await assert.rejects(crashing, { kind: "RESOURCE", reason: "ENGINE_KILLED" });
  assert.deepEqual(await run(), first);
});
