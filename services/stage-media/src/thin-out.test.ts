import assert from "node:assert/strict";
import { test } from "node:test";
import type { Candidate, PickedShot } from "./keyframe-picker.ts";
import { thinOut } from "./thin-out.ts";

const candidate = (index: number, sharpness: number): Candidate => ({
  ...{ index, pts: index, time: index, sharpness, luma: 120, contrast: 40, blank: false, look: new Uint8Array(144) },
});

test("thinning keeps the best of each part of the timeline, and says what it drops", () => {
  const keyframes = Array.from({ length: 100 }, (_, n) => candidate(n, n % 10 === 3 ? 500 : 50));
  const shots: PickedShot[] = [
    { startPts: 0, start: 0, endPts: 50, end: 50, keyframes: keyframes.slice(0, 50) },
    { startPts: 50, start: 50, endPts: 100, end: 100, keyframes: keyframes.slice(50) },
  ];
  const thinned = thinOut(shots, 10);
  assert.deepEqual(
    thinned.shots.map((shot) => shot.keyframes.map(({ index }) => index)),
    [
      [3, 13, 23, 33, 43],
      [53, 63, 73, 83, 93],
    ],
  );
  assert.equal(thinned.dropped.length, 90);
});
