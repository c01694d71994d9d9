import assert from "node:assert/strict";
import { test } from "node:test";
import { Job, Step } from "@heimdex/contracts/v1/job";
import { PLAIN } from "../ui/style.ts";
import { width } from "../ui/text.ts";
import { changeLines, jobLines } from "./job-lines.ts";
import { JobProgress } from "./job-progress.ts";
import { timeLeftMs } from "./time-left.ts";

const step = (stage: string, fields: Partial<Step>) => Step.fromPartial({ stage, ...fields });
const job = (state: Job["state"], steps: Step[], id = "j_1") => Job.fromPartial({ job: id, state, steps });

test("time left of a step: by its speed once that tells something, before by earlier runs", () => {
  const running = (progress: number, estimateMs: number) =>
    step("s", { state: "RUNNING", attempts: 1, progress, estimateMs });
  const at = (one: Step, elapsedMs: number) => {
    const progress = new JobProgress("film", job("RUNNING", [one]), 0);
    return progress.stepLeftMs(one, elapsedMs);
  };
  assert.equal(at(running(0.25, 0), 1_000), 3_000);
  assert.equal(at(running(0.01, 10_000), 2_000), 8_000);
  assert.equal(at(running(0, 1_000), 5_000), 100, "it has outlived its estimate: a little is always left");
  assert.equal(at(running(0, 0), 5_000), undefined);
});

test("a second attempt begins anew", () => {
  const first = step("s", { state: "RUNNING", attempts: 1 });
  const second = step("s", { state: "RUNNING", attempts: 2 });
  const progress = new JobProgress("film", job("RUNNING", [first]), 0);
  progress.update(job("RUNNING", [second]), 5_000);
  assert.equal(progress.elapsedMs(second, 6_000), 1_000);
});

test("time left of a job is unknown while nothing says how long one of its steps takes", () => {
  const known = step("a", { state: "WAITING", estimateMs: 500 });
  assert.equal(new JobProgress("f", job("RUNNING", [known, known]), 0).leftMs(0), 1_000);
  assert.equal(new JobProgress("f", job("RUNNING", [known, step("b", { state: "WAITING" })]), 0).leftMs(0), undefined);
  assert.equal(new JobProgress("f", job("QUEUED", []), 0).leftMs(0), undefined);
  assert.equal(new JobProgress("f", job("SUCCEEDED", [known]), 0).leftMs(0), 0);
});

test("time left of all: work done side by side goes faster, and jobs not yet planned count as the others", () => {
  const done = (id: string) =>
    new JobProgress(id, job("SUCCEEDED", [step("a", { state: "OK", wallMs: 4_000 })], id), 0);
  const queued = new JobProgress("q", job("QUEUED", [], "q"), 0);
  // Two jobs of 4 s were done within 4 s: two at a time. One more takes 4 s of work, so 2 s.
  assert.equal(timeLeftMs([done("1"), done("2"), queued], 0, 4_000), 2_000);
  assert.equal(timeLeftMs([done("1"), done("2"), queued], 0, 4_000, 1), 4_000);
  assert.equal(timeLeftMs([queued], 0, 4_000), undefined);
});

test("a job's lines fit the terminal whatever the names and reasons hold", () => {
  const states = [
    "OK",
    "EMPTY",
    "CACHED",
    "SKIPPED",
    "FAILED",
    "RUNNING",
    "WAITING",
    "READY",
    "NO_WORKER",
    "CANCELLED",
  ] as const;
  const steps = states.map((state) =>
    step(`stage.${state}`, {
      state,
      reason: `WHY: ${"long ".repeat(40)}`,
      message: "frames\n".repeat(20),
      progress: 0.4,
      attempts: 1,
    }),
  );
  const progress = new JobProgress(`/films/${"x".repeat(200)}\n.mp4`, job("RUNNING", steps), 0);
  for (const columns of [50, 80, 200]) {
    const lines = jobLines(progress, 2_000, columns, PLAIN, false);
    assert.equal(lines.length, states.length + 1);
    for (const line of lines)
      assert.ok(width(line) <= columns && !line.includes("\n"), `${width(line)} of ${columns}: ${line}`);
  }
  const compact = jobLines(progress, 2_000, 80, PLAIN, true);
  assert.deepEqual(
    compact.slice(1).map((line) => line.trim().split(/\s/)[0]),
    ["stage.RUNNING", "stage.NO_WORKER"],
  );
  assert.match(compact[1] ?? "", /40 %.*about 3 s left/);
});

test("where nothing can be redrawn there is a line for each change, with its reason", () => {
  const progress = new JobProgress(
    "film.mp4",
    job("RUNNING", [
      step("a", { state: "OK", wallMs: 1_200 }),
      step("b", { state: "FAILED", reason: "NO_MODEL: it is missing" }),
      step("c", { state: "RUNNING", attempts: 2 }),
    ]),
    0,
  );
  assert.deepEqual(
    changeLines(
      new Map([
        ["a", "RUNNING"],
        ["c", "READY"],
      ]),
      progress,
    ),
    ["film.mp4: a OK 1.2 s", "film.mp4: b FAILED: NO_MODEL: it is missing", "film.mp4: c RUNNING (attempt 2)"],
  );
  assert.deepEqual(
    changeLines(
      new Map([
        ["a", "OK"],
        ["b", "FAILED"],
        ["c", "RUNNING"],
      ]),
      progress,
    ),
    [],
  );
});
