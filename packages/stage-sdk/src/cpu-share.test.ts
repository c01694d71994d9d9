import assert from "node:assert/strict";
import { test } from "node:test";
import { CpuShare } from "./cpu-share.ts";

test("CPU time is an attempt's own while it is alone, and shared evenly while it is not", () => {
  let used = 1_000;
  let clock = 0;
  const share = new CpuShare(
    () => used,
    () => clock++,
  );
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

test("short attempts do not ask the system each, and together never get more than was used", () => {
  let used = 0;
  let asked = 0;
  let clock = 0;
  const share = new CpuShare(
    () => {
      asked++;
      return used;
    },
    () => clock,
  );
  let given = 0;
  for (let turn = 0; turn < 1000; turn++) {
    const ends = [share.start(), share.start()];
    used += 0.01;
    clock += 0.01;
    for (const end of ends) given += end();
  }
  assert.ok(asked <= 12, `asked ${asked} times in 10 ms`);
  assert.ok(given <= used, `${given} of ${used} ms`);
});
