import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editDistance } from "./edit-distance.ts";
import { isSameText, type ReadFrame, textsOverTime } from "./timeline.ts";

const box = { x: 0.1, y: 0.8, w: 0.4, h: 0.05 };
const elsewhere = { x: 0.1, y: 0.1, w: 0.4, h: 0.05 };
const see = (text: string, confidence = 0.9, where = box) => ({ text, confidence, box: where });
const film = (...frames: ReadFrame["sightings"][]): ReadFrame[] =>
  frames.map((sightings, i) => ({ id: `kf_${i}`, start_ms: i * 1000, end_ms: (i + 1) * 1000, sightings }));
const brief = (frames: readonly ReadFrame[]) =>
  textsOverTime(frames).map(({ text, start_ms, end_ms }) => [text, start_ms, end_ms]);

test("textsOverTime: a text that stays is one item over its whole time, in its surest spelling", () => {
  const [item, ...others] = textsOverTime(
    film(
      [see("HARB0UR BRIDGE".replace("0", "D"), 0.7)],
      [see("HARBOUR BRIDGE", 0.95, { ...box, x: 0.101 })],
      [see("HARBOUR BRIDGE.", 0.8)],
    ),
  );
  assert.equal(others.length, 0);
  assert.deepEqual(item, {
    text: "HARBOUR BRIDGE",
    confidence: 0.95,
    box,
    start_ms: 0,
    end_ms: 3000,
    frames: ["kf_0", "kf_1", "kf_2"],
    twin: 0,
  });
});

for (const [name, frames, want] of [
  [
    "gone and back is two items",
    film([see("LIVE")], [], [see("LIVE")]),
    [
      ["LIVE", 0, 1000],
      ["LIVE", 2000, 3000],
    ],
  ],
  [
    "another place is another item",
    film([see("LIVE")], [see("LIVE", 0.9, elsewhere)]),
    [
      ["LIVE", 0, 1000],
      ["LIVE", 1000, 2000],
    ],
  ],
  [
    "another text at the same place is another item",
    film([see("LIVE")], [see("NEWS")]),
    [
      ["LIVE", 0, 1000],
      ["NEWS", 1000, 2000],
    ],
  ],
  [
    "a score that changes is another item",
    film([see("Home 1 - 0 Away")], [see("Home 2 - 0 Away")]),
    [
      ["Home 1 - 0 Away", 0, 1000],
      ["Home 2 - 0 Away", 1000, 2000],
    ],
  ],
  ["no text, no items", film([], []), []],
  ["no frames, no items", [], []],
] as const) {
  test(`textsOverTime: ${name}`, () => assert.deepEqual(brief(frames), want));
}

test("textsOverTime: two equal texts at once stay two, and can be told apart", () => {
  const items = textsOverTime(
    film([see("EXIT"), see("EXIT", 0.9, elsewhere)], [see("EXIT", 0.9, elsewhere), see("EXIT")]),
  );
  assert.deepEqual(
    items.map(({ twin, frames, box: { y } }) => [twin, frames.length, y]),
    [
      [0, 2, 0.8],
      [1, 2, 0.1],
    ],
  );
});

test("textsOverTime: each sighting is in exactly one item, and items keep to the time of their keyframes", () => {
  const sighting = fc.record({
    text: fc.constantFrom("EXIT", "EXIT 14", "HARBOUR", "HARBOR", "harbour", "12:30"),
    confidence: fc.double({ min: 0.6, max: 1, noNaN: true }),
    box: fc.constantFrom(box, elsewhere, { ...box, x: 0.12 }),
  });
  fc.assert(
    fc.property(fc.array(fc.array(sighting, { maxLength: 4 }), { maxLength: 8 }), (seen) => {
      const frames = film(...seen);
      const items = textsOverTime(frames);
      for (const frame of frames) {
        assert.equal(items.filter((item) => item.frames.includes(frame.id)).length, frame.sightings.length);
      }
      for (const item of items) {
        assert.equal(new Set(item.frames).size, item.frames.length);
        assert.equal(item.start_ms, frames.find(({ id }) => id === item.frames[0])?.start_ms);
        assert.equal(item.end_ms, frames.find(({ id }) => id === item.frames.at(-1))?.end_ms);
        assert.equal(item.end_ms - item.start_ms, item.frames.length * 1000);
      }
      assert.equal(
        new Set(items.map(({ text, start_ms, twin }) => JSON.stringify([text, start_ms, twin]))).size,
        items.length,
      );
      assert.deepEqual(
        items.map((item) => item.start_ms),
        items.map((item) => item.start_ms).sort((a, b) => a - b),
      );
    }),
  );
});

for (const [a, b, same] of [
  ["Harbour Bridge", "HARBOUR  BRIDGE!", true],
  ["Harbour Bridge", "Harbcur Bridge", true],
  ["Harbour Bridge", "Tower Bridge", false],
  ["08:45", "08:46", false],
  ["EXIT 14", "EXIT 15", false],
  ["EXIT", "EXIL", false],
  ["价格：12", "价格:12", true],
  ["---", "---", true],
  ["---", "***", false],
] as const) {
  test(`isSameText: ${a} ${same ? "=" : "/="} ${b}`, () => assert.equal(isSameText(a, b), same));
}

test("editDistance: counts like the plain recursion, and gives up beyond its limit", () => {
  const plain = (a: string, b: string): number =>
    a === "" || b === ""
      ? a.length + b.length
      : Math.min(
          plain(a.slice(1), b) + 1,
          plain(a, b.slice(1)) + 1,
          plain(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1),
        );
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 5 });
  fc.assert(
    fc.property(word, word, fc.integer({ min: 0, max: 5 }), (a, b, limit) => {
      const want = plain(a, b);
      assert.equal(editDistance(a, b), want);
      const limited = editDistance(a, b, limit);
      assert.ok(want <= limit ? limited === want : limited > limit);
    }),
  );
});
