import assert from "node:assert/strict";
import { test } from "node:test";
import { Failed_Kind } from "@heimdex/contracts/stage/v1/work_service";
import { EngineLost } from "./engine/index.ts";
import { failedOf } from "./failed.ts";

for (const [how, kind, reason] of [
  ["KILLED", "RESOURCE", "ENGINE_KILLED"],
  ["TIMEOUT", "RETRYABLE", "ENGINE_TIMEOUT"],
  ["EXITED", "RETRYABLE", "ENGINE_CRASHED"],
] as const) {
  test(`an engine process that was lost, ${how}, fails its attempt as ${kind} without the stage's help`, () => {
    const failed = failedOf(new EngineLost(how, "The inference process ended.", "its last words"));
    assert.equal(failed.kind, Failed_Kind[kind]);
    assert.equal(failed.reason, reason);
    assert.equal(failed.logTail, "its last words");
  });
}
