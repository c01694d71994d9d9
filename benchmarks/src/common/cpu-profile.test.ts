import assert from "node:assert/strict";
import { test } from "node:test";
import { type CpuProfile, selfTimes, shareByPackage } from "./cpu-profile.ts";

const node = (id: number, functionName: string, url = "", lineNumber = -1) => ({
  id,
  callFrame: { functionName, url, lineNumber },
});

const PROFILE: CpuProfile = {
  nodes: [
    node(1, "(idle)"),
    node(2, "reduce", "file:///home/me/heimdex/packages/kernel/src/reducer.ts", 23),
    node(3, "reduce", "file:///home/me/heimdex/packages/kernel/src/reducer.ts", 23),
    node(4, "encode", "file:///home/me/heimdex/node_modules/@grpc/grpc-js/build/src/call.js", 0),
    node(5, "stat"),
  ],
  samples: [1, 2, 3, 4, 5, 1],
  timeDeltas: [5_000, 2_000, 4_000, 3_000, 1_000, 5_000],
};

test("idle time stands apart, and one function called from two places counts once", () => {
  const { busyMs, idleMs, functions } = selfTimes(PROFILE);
  assert.deepEqual([busyMs, idleMs], [10, 10]);
  assert.deepEqual(functions, [
    { where: "reduce (packages/kernel/src/reducer.ts:24)", ms: 6, share: 0.6 },
    { where: "encode (@grpc/grpc-js/build/src/call.js:1)", ms: 3, share: 0.3 },
    { where: "stat", ms: 1, share: 0.1 },
  ]);
});

test("functions fold into the packages they belong to", () => {
  assert.deepEqual(shareByPackage(selfTimes(PROFILE).functions), [
    { name: "packages/kernel", share: 0.6 },
    { name: "@grpc/grpc-js", share: 0.3 },
    { name: "native code", share: 0.1 },
  ]);
});
