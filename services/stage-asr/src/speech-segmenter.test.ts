import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SEGMENTER_DEFAULTS, SpeechSegmenter, WINDOW_MS } from "./speech-segmenter.ts";

/** Runs of `[windows, probability]` to `[start, end]` in ms. */
function segment(runs: readonly (readonly [number, number])[], options: Partial<typeof SEGMENTER_DEFAULTS> = {}) {
  const segmenter = new SpeechSegmenter({ ...SEGMENTER_DEFAULTS, ...options });
  const regions = [];
  let windows = 0;
  for (const [count, probability] of runs) {
    for (let i = 0; i < count; i++, windows++) regions.push(...segmenter.push(probability));
  }
  regions.push(...segmenter.finish(windows * WINDOW_MS));
  return regions.map(({ startMs, endMs }) => [startMs, endMs]);
}

// A window is 32 ms; padding 160 ms; edges go down to the grid of 10 ms.
for (const [name, runs, want] of [
  ["nothing", [], []],
  ["only silence", [[100, 0.1]], []],
  [
    "speech between silences is padded",
    [
      [50, 0],
      [50, 0.9],
      [50, 0],
    ],
    [[1440, 3360]],
  ],
  ["speech to both ends stays within the audio", [[50, 0.9]], [[0, 1600]]],
  [
    "too short to be speech",
    [
      [50, 0],
      [7, 0.9],
      [50, 0],
    ],
    [],
  ],
  [
    "a short pause does not divide",
    [
      [50, 0],
      [20, 0.9],
      [10, 0],
      [20, 0.9],
      [50, 0],
    ],
    [[1440, 3360]],
  ],
  [
    "a long pause divides",
    [
      [50, 0],
      [20, 0.9],
      [30, 0],
      [20, 0.9],
      [50, 0],
    ],
    [
      [1440, 2400],
      [3040, 4000],
    ],
  ],
  [
    "between the thresholds speech goes on",
    [
      [20, 0.9],
      [40, 0.4],
      [20, 0.9],
      [50, 0],
    ],
    [[0, 2720]],
  ],
  ["between the thresholds nothing begins", [[100, 0.49]], []],
] as const) {
  test(`SpeechSegmenter: ${name}`, () => assert.deepEqual(segment(runs), want));
}

test("SpeechSegmenter: neighbours whose padding would overlap meet in the middle", () => {
  const regions = segment(
    [
      [50, 0.9],
      [15, 0],
      [50, 0.9],
      [50, 0],
    ],
    { padMs: 400 },
  );
  assert.deepEqual(regions, [
    [0, 1840],
    [1840, 4080],
  ]);
});

test("SpeechSegmenter: overlong speech is cut where it is least likely, without a gap", () => {
  const regions = segment(
    [
      [60, 0.95],
      [3, 0.6],
      [200, 0.95],
      [50, 0],
    ],
    { maxSpeechMs: 3_000 },
  );
  const first = regions[0];
  assert.ok(
    first?.[1] !== undefined && first[1] >= 60 * WINDOW_MS && first[1] <= 63 * WINDOW_MS,
    JSON.stringify(regions),
  );
  for (const [i, region] of regions.entries()) if (i > 0) assert.equal(region[0], regions[i - 1]?.[1]);
});

test("SpeechSegmenter: regions are in order, apart, within the audio and at most as long as allowed", () => {
  const run = fc.tuple(fc.integer({ min: 1, max: 120 }), fc.double({ min: 0, max: 1, noNaN: true }));
  fc.assert(
    fc.property(fc.array(run, { maxLength: 40 }), fc.integer({ min: 0, max: 600 }), (runs, padMs) => {
      const maxSpeechMs = 4_000;
      const end = runs.reduce((sum, [count]) => sum + count, 0) * WINDOW_MS;
      let free = 0;
      for (const [start = -1, stop = -1] of segment(runs, { padMs, maxSpeechMs })) {
        assert.ok(start >= free && stop > start && stop <= end);
        assert.ok(stop - start <= maxSpeechMs + WINDOW_MS);
        free = stop;
      }
    }),
    { seed: 7, numRuns: 300 },
  );
});
