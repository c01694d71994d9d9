import assert from "node:assert/strict";
import { test } from "node:test";
import { onOurClock } from "./on-our-clock.ts";

const span = (startMs: number, durationMs: number) => ({
  name: "work",
  service: "worker",
  spanId: "00",
  parentId: "",
  startMs,
  durationMs,
  attributes: {},
  error: false,
});

for (const [name, offMs, want] of [
  ["a clock in step", 0, [10_100, 10_300]],
  ["a clock a moment off stays as it is", 1_500, [11_600, 11_800]],
  ["an hour ahead", 3_600_000, [14_800, 15_000]],
  ["an hour behind", -3_600_000, [14_800, 15_000]],
] as const) {
  test(`onOurClock: ${name}`, () => {
    const spans = [span(10_100 + offMs, 50), span(10_300 + offMs, 0)];
    assert.deepEqual(
      onOurClock(spans, 10_000, 15_000).map(({ startMs }) => startMs),
      want,
    );
  });
}

test("onOurClock: no spans", () => assert.deepEqual(onOurClock([], 10_000, 15_000), []));
