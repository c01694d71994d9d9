import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MomentLayer } from "./moment.ts";
import { MAX_MOMENT_MS } from "./moment-cuts.ts";
import { momentsOf } from "./moments.ts";

const transcript = (items: MomentLayer["items"], run = "run_asr.transcribe", language?: string): MomentLayer => ({
  kind: "transcript",
  run,
  language,
  items,
});
const spans = (moments: readonly { start_ms: number; end_ms: number }[]) => moments.map((m) => [m.start_ms, m.end_ms]);

/** Words that are told apart by their number, with times in disorder and overlap as real recognizers give them. */
const asset = fc.record({
  duration: fc.integer({ min: 0, max: 400_000 }),
  scenes: fc.array(fc.integer({ min: 0, max: 420_000 }), { maxLength: 12 }),
  shots: fc.array(fc.integer({ min: 0, max: 420_000 }), { maxLength: 20 }),
  phrases: fc.array(
    fc.record({
      start: fc.integer({ min: 0, max: 420_000 }),
      gaps: fc.array(fc.integer({ min: 0, max: 4_000 }), { minLength: 1, maxLength: 40 }),
      timed: fc.boolean(),
    }),
    { maxLength: 25 },
  ),
});

test("moments tile the duration, none over 30 s, and every word is in exactly one", () => {
  fc.assert(
    fc.property(asset, ({ duration, scenes, shots, phrases }) => {
      let count = 0;
      const items = phrases.map(({ start, gaps, timed }) => {
        let at = start;
        const words = gaps.map((gap) => {
          const word = { text: `w${count++}`, start_ms: at, end_ms: at + Math.floor(gap / 2) };
          at += gap;
          return word;
        });
        const item = { start_ms: start, end_ms: at, text: words.map((word) => word.text).join(" ") };
        return timed ? { ...item, words } : item;
      });
      const bounds = (starts: number[]) => {
        const sorted = [...starts].sort((a, b) => a - b);
        return sorted.map((start_ms, i) => ({ start_ms, end_ms: sorted[i + 1] ?? start_ms + 1_000 }));
      };
      const moments = momentsOf({
        asset: "a_1",
        media: { duration_ms: duration },
        layers: [{ kind: "scenes", items: bounds(scenes) }, { kind: "shots", items: bounds(shots) }, transcript(items)],
      });
      assert.equal(moments[0]?.start_ms, 0);
      if (duration > 0) assert.equal(moments.at(-1)?.end_ms, duration);
      for (const [i, moment] of moments.entries()) {
        assert.ok(moment.end_ms > moment.start_ms && moment.end_ms - moment.start_ms <= MAX_MOMENT_MS);
        if (i > 0) assert.equal(moment.start_ms, moments[i - 1]?.end_ms);
      }
      const said = moments.flatMap((moment) => moment.spoken.split(/\s/).filter((word) => word !== ""));
      assert.deepEqual(said.sort(), Array.from({ length: count }, (_, i) => `w${i}`).sort());
      assert.equal(new Set(moments.map((moment) => moment.id)).size, moments.length);
    }),
    { numRuns: 300 },
  );
});

test("a long scene is split in its longest pause, not in mid-sentence", () => {
  const say = (start_ms: number, end_ms: number, text: string) => ({ start_ms, end_ms, text });
  const moments = momentsOf({
    asset: "a_1",
    media: { duration_ms: 50_000 },
    layers: [
      { kind: "scenes", items: [{ start_ms: 0, end_ms: 50_000 }] },
      transcript([
        say(0, 14_000, "one two three"),
        say(14_200, 21_000, "four five"),
        say(24_000, 49_000, "six seven eight"),
      ]),
    ],
  });
  assert.deepEqual(spans(moments), [
    [0, 22_500],
    [22_500, 50_000],
  ]);
  assert.deepEqual(
    moments.map((moment) => moment.spoken),
    ["one two three\nfour five", "six seven eight"],
  );
});

test("without scenes, speech or cuts the windows are even", () => {
  assert.deepEqual(spans(momentsOf({ asset: "a", media: { duration_ms: 80_000 }, layers: [] })), [
    [0, 26_666],
    [26_666, 53_333],
    [53_333, 80_000],
  ]);
  assert.deepEqual(spans(momentsOf({ asset: "a", media: { duration_ms: 0 }, layers: [] })), [[0, 1]]);
});

test("a word that straddles a cut goes where its middle is", () => {
  const scenes = {
    kind: "scenes",
    items: [
      { start_ms: 0, end_ms: 1_000 },
      { start_ms: 1_000, end_ms: 2_000 },
    ],
  };
  const words = [
    { text: "before", start_ms: 800, end_ms: 1_100 },
    { text: "after", start_ms: 900, end_ms: 1_200 },
  ];
  const moments = momentsOf({
    asset: "a",
    media: { duration_ms: 2_000 },
    layers: [scenes, transcript([{ start_ms: 800, end_ms: 1_200, text: "before after", words }])],
  });
  assert.deepEqual(
    moments.map((moment) => moment.spoken),
    ["before", "after"],
  );
});

test("subtitles replace recognised words they cover, unless they are in another language", () => {
  const heard = transcript(
    [
      { start_ms: 1_000, end_ms: 3_000, text: "hollow world" },
      { start_ms: 8_000, end_ms: 9_000, text: "uncovered" },
    ],
    "run_asr.transcribe",
    "en-US",
  );
  const spoken = (language: string | undefined) =>
    momentsOf({
      asset: "a",
      media: { duration_ms: 10_000 },
      layers: [
        heard,
        transcript([{ start_ms: 900, end_ms: 3_100, text: "Hello,\nworld!" }], "run_asr.subtitles", language),
      ],
    })[0];
  assert.equal(spoken("en")?.spoken, "Hello, world!\nuncovered");
  assert.equal(spoken(undefined)?.spoken, "Hello, world!\nuncovered");
  assert.equal(spoken("fr")?.spoken, "Hello, world!\nhollow world\nuncovered");
  assert.deepEqual(spoken("fr")?.languages, ["en-US", "fr"]);
});

test("what is seen belongs to each moment that shows it, not to one it merely touches", () => {
  const moments = momentsOf({
    asset: "a",
    media: { duration_ms: 20_000 },
    layers: [
      {
        kind: "scenes",
        items: [
          { start_ms: 0, end_ms: 10_000 },
          { start_ms: 10_000, end_ms: 20_000 },
        ],
      },
      {
        kind: "text",
        language: "en",
        items: [
          { start_ms: 2_000, end_ms: 10_100, text: "EXIT 14" },
          { start_ms: 8_000, end_ms: 12_000, text: "HARBOUR" },
          { start_ms: 5_000, end_ms: 6_000, text: "EXIT 14" },
        ],
      },
      {
        kind: "objects",
        items: [
          { start_ms: 9_900, end_ms: 10_500, label: "boat" },
          { start_ms: 3_000, end_ms: 3_000, label: "gull" },
        ],
      },
      { kind: "captions", items: [{ start_ms: 0, end_ms: 20_000, text: "water" }] },
      {
        kind: "org.example.notes",
        items: [
          { start_ms: 12_000, end_ms: 13_000, text: "check rights" },
          { start_ms: 1, end_ms: 2, loud: 3 },
        ],
      },
    ],
  });
  assert.deepEqual(
    moments.map((m) => m.written),
    ["EXIT 14\nHARBOUR", "HARBOUR"],
  );
  assert.deepEqual(
    moments.map((m) => m.labels),
    [["gull"], ["boat"]],
  );
  assert.deepEqual(
    moments.map((m) => m.described),
    ["water", "water"],
  );
  assert.deepEqual(
    moments.map((m) => m.custom),
    ["", "check rights"],
  );
});

const still = (at_ms: number) => ({ start_ms: at_ms, end_ms: at_ms + 1, at_ms });
const object = (label: string, start_ms: number, end_ms: number, more: object = {}) => ({
  label,
  start_ms,
  end_ms,
  ...more,
});

test("a label counts more the more seconds it is seen for, and the surer", () => {
  const items = [
    object("car", 0, 2_500),
    object("person", 0, 10_000, { confidence: 0.9 }),
    object("person", 0, 10_000, { confidence: 0.8 }),
    object("dog", 0, 10_000, { confidence: 0.5 }),
    object("cat", 4_000, 4_000),
    object(" ", 0, 10_000),
  ];
  const [moment] = momentsOf({ asset: "a", media: { duration_ms: 10_000 }, layers: [{ kind: "objects", items }] });
  assert.deepEqual(moment?.labels, [
    ...Array(5).fill("person"),
    ...Array(4).fill("dog"),
    ...Array(3).fill("car"),
    "cat",
  ]);
  const long = [object("person", 0, 28_000, { confidence: 0.7 })];
  const [other] = momentsOf({ asset: "b", media: { duration_ms: 28_000 }, layers: [{ kind: "objects", items: long }] });
  const [short] = momentsOf({ asset: "c", media: { duration_ms: 2_000 }, layers: [{ kind: "objects", items: long }] });
  assert.deepEqual([other?.labels.length, short?.labels.length], [6, 2]);
});

test("what is said has the time of each word, whichever way words and text are divided", () => {
  const words = [
    { text: "uh", start_ms: 100, end_ms: 300 },
    { text: "boats", start_ms: 400, end_ms: 900 },
    { text: "leaving", start_ms: 9_800, end_ms: 10_400 },
    { text: "harbour", start_ms: 10_500, end_ms: 11_000 },
  ];
  const scenes = {
    kind: "scenes",
    items: [
      { start_ms: 0, end_ms: 10_000 },
      { start_ms: 10_000, end_ms: 20_000 },
    ],
  };
  const item = { start_ms: 100, end_ms: 11_000, text: "Uh, boats leaving harbour", words };
  const cue = { start_ms: 14_000, end_ms: 15_000, text: "a cue" };
  const merged = { start_ms: 16_000, end_ms: 18_000, text: "Rotterdam 's", words: [{ ...item, text: "Rotterdam's" }] };
  const moments = momentsOf({
    asset: "a",
    media: { duration_ms: 20_000 },
    layers: [scenes, transcript([item, cue], "run_x"), transcript([merged], "run_y")],
  });
  assert.deepEqual(
    moments.map(({ spoken, instants }) => [spoken, instants.spoken]),
    [
      [
        "uh boats\nRotterdam 's",
        [
          [100, 400],
          [100, 100],
        ],
      ],
      // Said as the first scene ends, it is found in the second, and shown from there on.
      [
        "leaving harbour\na cue",
        [
          [10_000, 10_500],
          [14_000, 14_400],
        ],
      ],
    ],
  );
});

test("what is seen has the instant that shows it best within the moment, else a keyframe's of its time, else its start", () => {
  const [moment, next] = momentsOf({
    asset: "a",
    media: { duration_ms: 40_000 },
    layers: [
      {
        kind: "scenes",
        items: [
          { start_ms: 0, end_ms: 20_000 },
          { start_ms: 20_000, end_ms: 40_000 },
        ],
      },
      { kind: "keyframes", items: [still(3_000), still(9_000), still(27_000)] },
      {
        kind: "objects",
        items: [
          object("car", 5_000, 8_000),
          object("person", 0, 40_000, { confidence: 0.4, at_ms: 3_000 }),
          object("person", 8_000, 12_000, { confidence: 0.9, at_ms: 9_000 }),
        ],
      },
      {
        kind: "text",
        items: [
          { start_ms: 8_000, end_ms: 20_000, text: "EXIT 14" },
          { start_ms: 2_000, end_ms: 4_000, text: "EXIT 14" },
          { start_ms: 12_000, end_ms: 13_000, text: "HARBOUR" },
        ],
      },
      { kind: "captions", items: [{ start_ms: 0, end_ms: 20_000, text: "water" }] },
      { kind: "faces", items: [{ start_ms: 0, end_ms: 12_000, person: "people/b", at_ms: 9_000 }] },
      { kind: "org.example.notes", items: [{ start_ms: 2_500, end_ms: 9_900, text: "check rights" }] },
    ],
  });
  assert.deepEqual(moment?.instants, {
    ...{ spoken: [], written: [[3_000], [12_000]], names: [[9_000]] },
    ...{ described: [[3_000]], custom: [[2_500]], labels: [[9_000], [5_000]] },
  });
  assert.deepEqual(next?.instants.labels, [[27_000]]);
});

test("ids stay when a re-run changes the words, and differ between assets", () => {
  const of = (asset: string, text: string) =>
    momentsOf({ asset, media: { duration_ms: 5_000 }, layers: [transcript([{ start_ms: 0, end_ms: 1_000, text }])] })[0]
      ?.id;
  assert.equal(of("a", "one"), of("a", "two"));
  assert.notEqual(of("a", "one"), of("b", "one"));
});
