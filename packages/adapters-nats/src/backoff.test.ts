import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff } from "./backoff.ts";

test("pauses double up to five seconds, and begin anew after a success", () => {
  const backoff = new Backoff(() => 0);
  assert.deepEqual(
    Array.from({ length: 9 }, () => backoff.next()),
    [50, 100, 200, 400, 800, 1600, 3200, 5000, 5000],
  );
  backoff.reset();
  assert.equal(backoff.next(), 50);
});

test("chance shortens a pause by half at most", () => {
  const backoff = new Backoff(() => 0.5);
  assert.deepEqual([backoff.next(), backoff.next()], [37.5, 75]);
});
