import assert from "node:assert/strict";
import { test } from "node:test";
import { type PhraseOptions, toItems } from "./phrases.ts";
import type { RecognizedRegion } from "./recognizer.ts";

const options: PhraseOptions = { pauseMs: 600, maxPhraseMs: 10_000, minConfidence: 0.1 };

/** Words of `[text, start, end, confidence]` in a region that begins at `startMs`. */
function region(startMs: number, words: readonly (readonly [string, number, number, number?])[]): RecognizedRegion {
  return {
    region: { startMs, endMs: startMs + 30_000 },
    words: words.map(([text, from, to, confidence]) => ({
      text,
      startMs: from,
      endMs: to,
      ...(confidence === undefined ? {} : { confidence }),
    })),
  };
}
function phrases(regions: RecognizedRegion[], more: Partial<PhraseOptions> = {}, durationMs = 3_600_000) {
  return toItems(regions, "asset", "en-US", durationMs, { ...options, ...more });
}

test("words move to the asset's timeline; an item spans its words", () => {
  const [item, ...rest] = phrases([
    region(60_000, [
      ["good", 100, 400, 0.5],
      ["day", 400, 1_000, 1],
    ]),
  ]);
  assert.equal(rest.length, 0);
  assert.deepEqual([item?.start_ms, item?.end_ms, item?.text, item?.confidence], [60_100, 61_000, "good day", 0.833]);
  assert.deepEqual(item?.words?.[1], { text: "day", start_ms: 60_400, end_ms: 61_000, confidence: 1 });
});

test("a pause ends a phrase", () => {
  const items = phrases([
    region(0, [
      ["a", 0, 100],
      ["b", 699, 800],
      ["c", 1_400, 1_500],
    ]),
  ]);
  assert.deepEqual(
    items.map(({ text }) => text),
    ["a b", "c"],
  );
});

test("a phrase that is too long is split at its longest pause, and again", () => {
  const words = Array.from({ length: 100 }, (_, i): [string, number, number] => [
    `w${i}`,
    i * 290 + (i >= 40 ? 500 : 0),
    i * 290 + 280 + (i >= 40 ? 500 : 0),
  ]);
  const items = phrases([region(0, words)]);
  assert.ok(
    items.some((item) => item.text.startsWith("w40 ")),
    "cut at the pause",
  );
  for (const item of items) assert.ok(item.end_ms - item.start_ms <= 10_000);
  assert.equal(items.flatMap((item) => item.words ?? []).length, 100);
});

for (const [name, words] of [
  ["nothing recognised", []],
  [
    "a mean confidence that is absurdly low",
    [
      ["of", 0, 100, 0.5],
      ["things", 100, 2_000, 0.02],
    ],
  ],
  [
    "one word over and over",
    [
      ["of", 0, 90, 0.9],
      ["of", 100, 190, 0.9],
      ["of", 200, 290, 0.9],
      ["of", 300, 390, 0.9],
    ],
  ],
] as const) {
  test(`no item is made of ${name}`, () => assert.deepEqual(phrases([region(0, words)]), []));
}

test("no item passes the end of the audio", () => {
  const items = phrases(
    [
      region(0, [
        ["a", 0, 500],
        ["b", 500, 1_200],
        ["c", 1_200, 1_500],
      ]),
    ],
    {},
    1_000,
  );
  assert.deepEqual(
    items.map(({ text, end_ms }) => [text, end_ms]),
    [["a b", 1_000]],
  );
});

test("ids depend on asset and time alone, and a region's own language is kept", () => {
  const one = { ...region(0, [["ja", 0, 500, 0.9]]), language: "de" };
  const [a] = phrases([one]);
  const [b] = phrases([{ ...one, words: one.words.map((word) => ({ ...word, confidence: 0.4 })) }]);
  assert.equal(a?.id, b?.id);
  assert.equal(a?.language, "de");
});
