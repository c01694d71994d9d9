import assert from "node:assert/strict";
import { test } from "node:test";
import { LeaseTable, overdue, type WatchedLease } from "./lease-table.ts";

const lease = (more: Partial<WatchedLease> = {}): WatchedLease => ({
  job: "j_1",
  stage: "made.one",
  tenant: "default",
  session: "s_1",
  fence: { lease: "j_1-0-1", epoch: 1 },
  expiresAtMs: 1_000,
  progressAtMs: 0,
  lastProgress: "",
  heard: undefined,
  uploads: false,
  suspect: false,
  stallMs: 5_000,
  deadlineMs: 10_000,
  ...more,
});

for (const [name, more, nowMs, want] of [
  ["last millisecond", {}, 999, undefined],
  ["the instant it ends", {}, 1_000, "EXPIRED"],
  ["renewed, but without progress", { expiresAtMs: 20_000 }, 5_000, "STALLED"],
  ["renewed, with progress", { expiresAtMs: 20_000, progressAtMs: 1 }, 5_000, undefined],
  ["its time is up", { expiresAtMs: 20_000, progressAtMs: 9_000 }, 10_000, "TIMED_OUT"],
  ["silent and out of time: the worker is what is missing", {}, 10_000, "EXPIRED"],
] as const) {
  test(`overdue: ${name}`, () => assert.equal(overdue(lease(more), nowMs), want));
}

test("after a sleep all clocks go on where they stood", () => {
  const table = new LeaseTable(() => undefined);
  table.add(lease());
  table.moveOn(60_000);
  assert.deepEqual(table.over(60_999), []);
  assert.deepEqual(
    table.over(61_000).map(({ why }) => why),
    ["EXPIRED"],
  );
});

test("every end of a lease is heard of once", () => {
  const ended: string[] = [];
  const table = new LeaseTable(({ fence }) => ended.push(fence.lease));
  table.add(lease());
  table.remove("j_1-0-1");
  table.remove("j_1-0-1");
  assert.deepEqual([ended, table.size], [["j_1-0-1"], 0]);
});
