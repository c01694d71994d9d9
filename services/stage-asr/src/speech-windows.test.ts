import assert from "node:assert/strict";
import { test } from "node:test";
import type { RecognizedWord } from "./recognizer.ts";
import type { SpeechRegion } from "./speech-segmenter.ts";
import { packRegions, toTimeline, unpackWords } from "./speech-windows.ts";

/** mulberry32: the same numbers in each run. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function someRegions(random: () => number): SpeechRegion[] {
  const regions: SpeechRegion[] = [];
  let at = 0;
  for (let i = 0; i < 40; i++) {
    const startMs = at + Math.floor(random() * 3) * Math.floor(random() * 60_000); // some touch
    const endMs = startMs + 10 + Math.floor(random() ** 3 * 29_990);
    regions.push({ startMs, endMs });
    at = endMs;
  }
  return regions;
}

test("packing loses nothing, keeps the order, fills windows, and is undone exactly (property)", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const regions = someRegions(randomOf(seed));
    const windows = packRegions(regions, 30_000);
    assert.deepEqual(
      windows.flatMap((window) => window.regions),
      regions,
    );
    for (const [i, window] of windows.entries()) {
      assert.equal(
        window.lengthMs,
        window.regions.reduce((sum, { startMs, endMs }) => sum + endMs - startMs, 0),
      );
      assert.ok(window.lengthMs <= 30_000);
      const next = windows[i + 1]?.regions[0];
      if (next) assert.ok(window.lengthMs + next.endMs - next.startMs > 30_000, "the next would have fitted");
      let offset = 0;
      for (const { startMs, endMs } of window.regions) {
        assert.equal(toTimeline(window, offset), startMs);
        assert.equal(toTimeline(window, offset + endMs - startMs - 1), endMs - 1);
        offset += endMs - startMs;
      }
      assert.equal(toTimeline(window, window.lengthMs), window.regions.at(-1)?.endMs);
    }
  }
});

test("words come back where they were packed from, in order, never outside speech (property)", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = randomOf(seed);
    for (const window of packRegions(someRegions(random), 30_000)) {
      const words: RecognizedWord[] = [];
      // What a model may say: out of step with the seams, of no length, beyond the end.
      for (let at = 0; at < window.lengthMs + 500; at += Math.floor(random() * 900)) {
        words.push({ text: `w${words.length}`, startMs: at, endMs: at + Math.floor(random() * 700) });
        if (words.length === 300) break;
      }
      const unpacked = unpackWords(window, words);
      assert.equal(unpacked.length, window.regions.length);
      assert.deepEqual(
        unpacked.flat().map(({ text }) => text),
        words.map(({ text }) => text),
      );
      let offset = 0;
      for (const [i, { startMs, endMs }] of window.regions.entries()) {
        let free = 0;
        for (const word of unpacked[i] ?? []) {
          assert.ok(word.startMs >= free && word.endMs > word.startMs && word.endMs <= endMs - startMs);
          free = word.endMs;
        }
        offset += endMs - startMs;
      }
      assert.equal(offset, window.lengthMs);
    }
  }
});

test("a word that lies within one region keeps its time to the millisecond", () => {
  const [window] = packRegions(
    [
      { startMs: 5_000, endMs: 7_000 },
      { startMs: 60_000, endMs: 63_000 },
    ],
    30_000,
  );
  assert.ok(window);
  const unpacked = unpackWords(window, [
    { text: "one", startMs: 120, endMs: 480 },
    { text: "seam", startMs: 1_700, endMs: 2_200 }, // most of it before the seam
    { text: "two", startMs: 2_240, endMs: 3_000 },
  ]);
  const timeline = unpacked.map((words, i) =>
    words.map(({ text, startMs, endMs }) => {
      const start = window.regions[i]?.startMs ?? 0;
      return [text, start + startMs, start + endMs];
    }),
  );
  assert.deepEqual(timeline, [
    [
      ["one", 5_120, 5_480],
      ["seam", 6_700, 7_000],
    ],
    [["two", 60_240, 61_000]],
  ]);
});

test("a region longer than a window is refused", () => {
  assert.throws(() => packRegions([{ startMs: 0, endMs: 30_001 }], 30_000), RangeError);
});
