import assert from "node:assert/strict";
import { test } from "node:test";
import { Job } from "@heimdex/contracts/v1/job";
import { outcomeOf } from "./job-outcome.ts";

test("a cancelled job's open steps are SKIPPED with the reason; its times are those of the job", () => {
  const job = Job.fromPartial({
    job: "j_1",
    asset: "a_1",
    sourceUri: "file:///films/a.mp4",
    state: "CANCELLED",
    reason: "CANCELLED: the job was cancelled",
    createTime: new Date(1_000),
    endTime: new Date(3_500),
    durationMs: 9_000,
    steps: [
      { stage: "media.probe", state: "OK", wallMs: 100, cpuMs: 50 },
      { stage: "media.analyze", state: "CANCELLED", reason: "CANCELLED: the job was cancelled" },
      { stage: "vision.text", state: "WAITING" },
    ],
  });
  const outcome = outcomeOf(job);
  assert.deepEqual(
    [outcome.source, outcome.state, outcome.wall_ms, outcome.duration_ms],
    ["/films/a.mp4", "CANCELLED", 2_500, 9_000],
  );
  assert.deepEqual(
    outcome.stages.map(({ state, reason }) => [state, reason.split(":")[0]]),
    [
      ["OK", ""],
      ["SKIPPED", "CANCELLED"],
      ["SKIPPED", "CANCELLED"],
    ],
  );
});

test("a job that has not ended has no outcome", () => {
  assert.throws(() => outcomeOf(Job.fromPartial({ job: "j_1", state: "RUNNING" })), /has not ended/);
});
