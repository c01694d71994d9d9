import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenBuckets } from "./token-buckets.ts";

test("what comes at once may be as much as the bucket holds, and then as fast as it fills", () => {
  let nowMs = 5_000;
  const buckets = new TokenBuckets({ perSecond: 2, burst: 3 }, () => nowMs);
  assert.deepEqual(
    [1, 2, 3, 4].map(() => buckets.take("a")),
    [0, 0, 0, 500],
  );
  nowMs += 250;
  assert.equal(buckets.take("a"), 250);
  nowMs += 250;
  assert.deepEqual([buckets.take("a"), buckets.take("a")], [0, 500]);
  nowMs += 3_600_000;
  assert.deepEqual(
    [1, 2, 3, 4].map(() => buckets.take("a")),
    [0, 0, 0, 500],
  );
});

test("one key's haste costs no other", () => {
  const buckets = new TokenBuckets({ perSecond: 1, burst: 1 }, () => 0);
  assert.deepEqual([buckets.take("a"), buckets.take("a"), buckets.take("b")], [0, 1_000, 0]);
});

test("a rate of 0 is no limit, and remembers nobody", () => {
  const buckets = new TokenBuckets({ perSecond: 0, burst: 1 }, () => 0);
  for (let call = 0; call < 1_000; call++) assert.equal(buckets.take("a"), 0);
  assert.equal(buckets.size, 0);
});

test("keys that were not seen for a while are forgotten when there are many", () => {
  let nowMs = 0;
  const buckets = new TokenBuckets({ perSecond: 1, burst: 1 }, () => nowMs);
  for (let key = 0; key < 10_000; key++) buckets.take(`k_${key}`);
  nowMs = 1_000;
  buckets.take("another");
  assert.equal(buckets.size, 1);
});
