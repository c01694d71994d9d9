import assert from "node:assert/strict";
import { test } from "node:test";
import { duration, parseTime, timecode, timeLeft } from "./time.ts";

for (const [text, want] of [
  ["83", 83_000],
  ["83.5", 83_500],
  ["83.5s", 83_500],
  ["1:23", 83_000],
  ["01:02:03.456", 3_723_456],
  ["90:00", 5_400_000],
  ["83500ms", 83_500],
  ["0", 0],
  ["", undefined],
  ["1:60", undefined],
  ["1:60:00", undefined],
  ["-1", undefined],
  ["noon", undefined],
  ["1:2:3:4", undefined],
] as const) {
  test(`parseTime: ${JSON.stringify(text)}`, () => assert.equal(parseTime(text), want));
}

test("timecode is exact to the ms and read back by parseTime", () => {
  assert.equal(timecode(3_723_456), "01:02:03.456");
  for (const ms of [0, 999, 59_999, 60_000, 3_599_999, 360_000_000]) assert.equal(parseTime(timecode(ms)), ms);
});

test("duration never shows 60 seconds or 1000 ms", () => {
  assert.deepEqual([0, 5.3, 340, 999.7, 2_400, 59_960, 185_000, 7_500_000].map(duration), [
    "0 ms",
    "5.3 ms",
    "340 ms",
    "1.0 s",
    "2.4 s",
    "1 min 00 s",
    "3 min 05 s",
    "2 h 05 min",
  ]);
});

test("timeLeft gets coarser the longer it is", () => {
  assert.deepEqual([400, 4_400, 22_000, 57_000, 240_000, 8_000_000].map(timeLeft), [
    "a moment",
    "about 4 s",
    "about 20 s",
    "about 1 min",
    "about 4 min",
    "about 2 h 10 min",
  ]);
});
