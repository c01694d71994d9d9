import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join as joinPath } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { EngineProcess } from "@heimdex/engine";
import type { RecognizedWord } from "../recognizer.ts";
import { writeWav } from "../testing/made-audio.ts";
import { madeSignal } from "../testing/made-signal.ts";
import { tempFolder } from "../testing/temp-folder.ts";
import { openWav } from "../wav-file.ts";
import { Sherpa } from "./sherpa.ts";
import type { SherpaInit, SherpaRequest } from "./sherpa-engine.ts";
import { wordsOfTokens } from "./token-words.ts";

const MODEL = { id: "parakeet-tdt-0.6b-v3", sha256: "0".repeat(64), licence: "CC-BY-4.0" };
/** A transducer of random weights; see fixtures/make_transducer.py. */
const FOLDER = fileURLToPath(new URL("../../fixtures/transducer-made", import.meta.url));

function open(folder = FOLDER) {
  const file = (name: string) => joinPath(folder, name);
  return new EngineProcess<SherpaInit, SherpaRequest, RecognizedWord[]>(
    new URL("./sherpa-engine.ts", import.meta.url),
    {
      encoder: file("encoder.onnx"),
      decoder: file("decoder.onnx"),
      joiner: file("joiner.onnx"),
      tokens: file("tokens.txt"),
      threads: 1,
    },
  );
}

test("tokens become words: from the first token's start to the last one's end, as sure as their mean", () => {
  const words = wordsOfTokens({
    tokens: [" we", " o", "pen", "ed", ",", " it"],
    timestamps: [0.08, 0.4, 0.56, 0.8, 0.96, 1.2],
    durations: [0.24, 0.16, 0.24, 0.16, 0, 0.32],
    ys_log_probs: [Math.log(0.8), Math.log(0.9), Math.log(0.5), Math.log(0.7), Math.log(0.9), Math.log(0.6)],
  });
  assert.deepEqual(
    words.map(({ text, startMs, endMs, confidence }) => [text, startMs, endMs, confidence?.toFixed(2)]),
    [
      ["we", 80, 320, "0.80"],
      ["opened,", 400, 1120, "0.75"],
      ["it", 1200, 1520, "0.60"],
    ],
  );
});

test("without lengths a word ends with the next token's start, soon after its last one at most", () => {
  const words = wordsOfTokens({ tokens: ["▁we", "▁o", "pen", "▁it"], timestamps: [0, 0.1, 0.2, 2] });
  assert.deepEqual(words, [
    { text: "we", startMs: 0, endMs: 100 },
    { text: "open", startMs: 100, endMs: 360 },
    { text: "it", startMs: 2000, endMs: 2160 },
  ]);
  assert.deepEqual(wordsOfTokens({ tokens: [], timestamps: [] }), []);
});

test("a transducer in NeMo's layout runs in its process; words lie within their regions", async (t) => {
  await using engine = open();
  const path = await writeWav(joinPath(await tempFolder(t), "a.wav"), madeSignal(16 * 16_000));
  const regions = [
    { startMs: 0, endMs: 100 },
    { startMs: 500, endMs: 6_500 },
    { startMs: 9_000, endMs: 16_000 },
  ];
  const told: unknown[] = [];
  const results = await new Sherpa(MODEL, engine).recognize(await openWav(path), regions, {
    scratch: "/nonexistent",
    signal: new AbortController().signal,
    onCpu() {},
    onRegion: (region) => told.push(region),
  });
  assert.deepEqual(told, regions);
  assert.deepEqual(
    results.map(({ region }) => region),
    regions,
  );
  assert.ok(results.some(({ words, dropped }) => words.length > 3 || dropped === "loop"));
  for (const { region, words } of results) {
    let free = 0;
    for (const { text, startMs, endMs, confidence } of words) {
      assert.match(text, /^\S+$/);
      assert.ok(startMs >= free && endMs > startMs && endMs <= region.endMs - region.startMs);
      assert.ok(confidence !== undefined && confidence > 0 && confidence <= 1);
      free = endMs;
    }
  }
});

test("a damaged or missing model fails the start, not the service", async (t) => {
  const folder = await tempFolder(t);
  for (const name of ["encoder.onnx", "decoder.onnx", "tokens.txt"])
    await copyFile(joinPath(FOLDER, name), joinPath(folder, name));
  await using without = open(folder);
  await assert.rejects(new Sherpa(MODEL, without).start(), { kind: "TERMINAL", reason: "MODEL_UNUSABLE" });
  await writeFile(joinPath(folder, "joiner.onnx"), (await readFile(joinPath(FOLDER, "joiner.onnx"))).subarray(0, 300));
  await using damaged = open(folder);
  await assert.rejects(new Sherpa(MODEL, damaged).start(), { name: "StageFailure" });
});
