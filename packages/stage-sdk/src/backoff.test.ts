import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMs, pause } from "./backoff.ts";

for (const [failures, random, want] of [
  [1, 0, 50],
  [1, 1, 100],
  [2, 0, 100],
  [4, 0.5, 600],
  [30, 0, 2_500],
  [5_000, 1, 5_000],
] as const) {
  test(`backoffMs: ${failures} failures, random ${random}`, () =>
    assert.equal(
      backoffMs(failures, () => random),
      want,
    ));
}

test("pause ends early, and without an error, when it is aborted", async () => {
  const stop = new AbortController();
  const paused = pause(3_600_000, stop.signal);
  stop.abort();
  await paused;
  await pause(3_600_000, stop.signal);
});
