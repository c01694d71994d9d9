import assert from "node:assert/strict";
import { test } from "node:test";
import { CpuShare } from "./cpu-share.ts";

test("CPU time is an attempt's own while it is alone, and shared evenly while it is not", () => {
  let used = 1_000;
  const share = new CpuShare(() => used);
  used += 50; // nobody's
  const first = share.start();
  used += 100; // first's
  const second = share.start();
  used += 60; // 30 each
  assert.equal(first(), 130);
  used += 7; // second's
  assert.equal(second(), 37);
  used += 500; // nobody's
  const third = share.start();
  assert.equal(third(), 0);
});
