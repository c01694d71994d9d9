import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DEFAULT_RETRY_POLICY } from "./backoff.ts";
import type { Failure, JobEvent } from "./event.ts";
import { cached, lease, queued, STAGES } from "./job.fixture.ts";
import { type ArtifactRef, type Facts, isFinal, type Job, jobEnded, type Step } from "./job.ts";
import { planSteps } from "./planner.ts";
import { reduce } from "./reducer.ts";

const config = { retry: DEFAULT_RETRY_POLICY, salt: "" };
const FACTS: Facts = { has_audio: true, has_video: true, has_subtitles: false, duration_ms: 1000 };
const failure = (kind: Failure["kind"], retryAfterMs?: number): Failure => ({
  kind,
  reason: "BROKEN",
  message: "it broke",
  help: "mend it",
  retryAfterMs,
  logTail: "",
});
const artifact = (port: string): ArtifactRef => ({
  port,
  mediaType: "application/json",
  sha256: `digest of ${port}`,
  size: 1,
});

/** Applies events one after the other; `effects` are those of the last. */
function play(job: Job, ...events: JobEvent[]) {
  let last = { job, effects: [] as readonly unknown[], applied: true };
  for (const event of events) last = reduce(last.job, event, config);
  return last;
}
const planned: JobEvent = {
  kind: "planned",
  atMs: 1,
  asset: "a_1",
  fingerprint: "f",
  sourceSize: 9,
  sourceModifiedMs: 1,
  neighbours: [],
  steps: planSteps(STAGES),
};
const step = (job: Job, stage: string) => job.steps.find((candidate) => candidate.stage === stage);
const miss = (job: Job, stage: string): JobEvent => ({
  kind: "looked-up",
  atMs: 2,
  stage,
  key: step(job, stage)?.key ?? "",
  hit: undefined,
});
/** Looks up (a miss), leases and finishes a stage. */
function run(job: Job, stage: string, outputs: string[], more: Partial<JobEvent & { kind: "finished" }> = {}): Job {
  const ready = play(job, miss(job, stage)).job;
  const epoch = (step(ready, stage)?.epoch ?? 0) + 1;
  const fence = { lease: `${stage}-${epoch}`, epoch };
  return play(
    ready,
    { kind: "leased", atMs: 3, stage, lease: lease(stage, epoch), worker: "w", device: "cpu" },
    {
      kind: "finished",
      atMs: 4,
      stage,
      fence,
      outputs: outputs.map(artifact),
      empty: false,
      partial: "",
      facts: undefined,
      wallMs: 1,
      cpuMs: 1,
      ...more,
    },
  ).job;
}

test("a planned job asks the cache for its first step, and a miss makes it ready", () => {
  const { job, effects } = play(queued(), planned);
  assert.deepEqual(effects, [{ kind: "look-up", stage: "t.probe", key: step(job, "t.probe")?.key }]);
  assert.deepEqual(play(job, miss(job, "t.probe")).effects, [{ kind: "offer", stage: "t.probe", notBeforeMs: 0 }]);
});

test("the whole way: every step runs once and the job succeeds", () => {
  let job = play(queued(), planned).job;
  job = run(job, "t.probe", ["media"], { facts: FACTS });
  job = run(job, "t.shots", ["shots", "audio"]);
  job = run(job, "t.words", ["transcript"]);
  job = run(job, "t.text", ["text"], { empty: true });
  job = run(job, "t.embed", ["embeddings"]);
  assert.equal(job.state, "SUCCEEDED");
  assert.deepEqual(
    job.steps.map(({ stage, state }) => `${stage} ${state}`),
    ["t.probe OK", "t.shots OK", "t.text EMPTY", "t.words OK", "t.embed OK"],
  );
});

test("without audio the words are skipped with the reason, and what takes them optionally still runs", () => {
  let job = run(play(queued(), planned).job, "t.probe", ["media"], { facts: { ...FACTS, has_audio: false } });
  job = run(job, "t.shots", ["shots"]);
  assert.match(step(job, "t.words")?.reason ?? "", /^NO_AUDIO|^INPUT_ABSENT/);
  job = run(job, "t.text", ["text"]);
  job = run(job, "t.embed", ["embeddings"]);
  assert.equal(job.state, "SUCCEEDED");
});

test("a rejected input fails its step, skips what needs it, and the job has nothing usable", () => {
  const ready = play(queued(), planned).job;
  const leased = play(ready, miss(ready, "t.probe"), {
    kind: "leased",
    atMs: 3,
    stage: "t.probe",
    lease: lease("t.probe", 1),
    worker: "w",
    device: "cpu",
  }).job;
  const { job, effects } = play(leased, {
    kind: "failed",
    atMs: 4,
    stage: "t.probe",
    fence: { lease: "t.probe-1", epoch: 1 },
    failure: failure("INPUT_REJECTED"),
    wallMs: 1,
    cpuMs: 1,
    random: 0,
  });
  assert.equal(job.state, "FAILED");
  assert.match(job.reason, /^BROKEN: it broke \[t\.probe\]/);
  assert.match(step(job, "t.shots")?.reason ?? "", /^UPSTREAM_FAILED: t\.probe failed/);
  assert.deepEqual(effects, [{ kind: "settle" }]);
});

test("a stage that fails beside others leaves a partial job", () => {
  let job = run(play(queued(), planned).job, "t.probe", ["media"], { facts: FACTS });
  job = run(job, "t.shots", ["shots", "audio"]);
  job = play(job, miss(job, "t.words"), {
    kind: "leased",
    atMs: 3,
    stage: "t.words",
    lease: lease("t.words", 1),
    worker: "w",
    device: "cpu",
  }).job;
  job = play(job, {
    kind: "failed",
    atMs: 4,
    stage: "t.words",
    fence: { lease: "t.words-1", epoch: 1 },
    failure: failure("TERMINAL"),
    wallMs: 1,
    cpuMs: 1,
    random: 0,
  }).job;
  job = run(job, "t.text", ["text"]);
  job = run(job, "t.embed", ["embeddings"]);
  assert.equal(job.state, "PARTIAL");
});

test("a result that is not whole makes the job partial, with the sentence", () => {
  let job = run(play(queued(), planned).job, "t.probe", ["media"], { facts: { ...FACTS, has_audio: false } });
  job = run(job, "t.shots", ["shots"], { partial: "reading stopped at 12 s of 30 s" });
  job = run(job, "t.text", ["text"]);
  job = run(job, "t.embed", ["embeddings"]);
  assert.equal(job.state, "PARTIAL");
  assert.match(job.reason, /12 s of 30 s/);
});

test("retries pause, grow, and end with the budget", () => {
  let job = play(queued(), planned).job;
  job = play(job, miss(job, "t.probe")).job;
  const pauses: number[] = [];
  for (let epoch = 1; !jobEnded(job.state); epoch++) {
    const atMs = (step(job, "t.probe")?.notBeforeMs ?? 0) + 1;
    job = play(job, {
      kind: "leased",
      atMs,
      stage: "t.probe",
      lease: lease("t.probe", epoch),
      worker: "w",
      device: "cpu",
    }).job;
    job = play(job, {
      kind: "failed",
      atMs,
      stage: "t.probe",
      fence: { lease: `t.probe-${epoch}`, epoch },
      failure: failure("RETRYABLE"),
      wallMs: 1,
      cpuMs: 1,
      random: 1,
    }).job;
    if (step(job, "t.probe")?.state === "READY") pauses.push((step(job, "t.probe")?.notBeforeMs ?? 0) - atMs);
  }
  assert.deepEqual(pauses, [1000, 2000]);
  assert.equal(step(job, "t.probe")?.failures, DEFAULT_RETRY_POLICY.attempts);
});

test("a step whose pause is not over is not leased", () => {
  let job = play(queued(), planned).job;
  job = play(job, miss(job, "t.probe"), {
    kind: "leased",
    atMs: 3,
    stage: "t.probe",
    lease: lease("t.probe", 1),
    worker: "w",
    device: "cpu",
  }).job;
  job = play(job, {
    kind: "failed",
    atMs: 4,
    stage: "t.probe",
    fence: { lease: "t.probe-1", epoch: 1 },
    failure: failure("RETRYABLE", 500),
    wallMs: 1,
    cpuMs: 1,
    random: 0,
  }).job;
  const early: JobEvent = {
    kind: "leased",
    atMs: 503,
    stage: "t.probe",
    lease: lease("t.probe", 2),
    worker: "w",
    device: "cpu",
  };
  assert.equal(play(job, early).applied, false);
  assert.equal(play(job, { ...early, atMs: 504 }).applied, true);
});

test("three lost leases end a step as LOST_REPEATEDLY; released ones cost nothing", () => {
  let job = play(queued(), planned).job;
  job = play(job, miss(job, "t.probe")).job;
  for (const [epoch, kind] of [
    [1, "lost"],
    [2, "released"],
    [3, "lost"],
    [4, "released"],
    [5, "lost"],
  ] as const) {
    job = play(
      job,
      { kind: "leased", atMs: 3, stage: "t.probe", lease: lease("t.probe", epoch), worker: "w", device: "cpu" },
      { kind, atMs: 4, stage: "t.probe", fence: { lease: `t.probe-${epoch}`, epoch } },
    ).job;
  }
  assert.match(step(job, "t.probe")?.reason ?? "", /^LOST_REPEATEDLY/);
});

test("a late write of a lost lease changes nothing", () => {
  let job = play(queued(), planned).job;
  job = play(
    job,
    miss(job, "t.probe"),
    { kind: "leased", atMs: 3, stage: "t.probe", lease: lease("t.probe", 1), worker: "w", device: "cpu" },
    { kind: "lost", atMs: 4, stage: "t.probe", fence: { lease: "t.probe-1", epoch: 1 } },
  ).job;
  job = play(job, {
    kind: "leased",
    atMs: 5,
    stage: "t.probe",
    lease: lease("t.probe", 2, "s_2"),
    worker: "v",
    device: "cpu",
  }).job;
  const late = play(job, {
    kind: "finished",
    atMs: 6,
    stage: "t.probe",
    fence: { lease: "t.probe-1", epoch: 1 },
    outputs: [],
    empty: false,
    partial: "",
    facts: FACTS,
    wallMs: 1,
    cpuMs: 1,
  });
  assert.equal(late.applied, false);
  assert.equal(late.job, job);
});

test("cached results go through without a lease, facts included", () => {
  let job = play(queued(), planned).job;
  job = play(job, {
    kind: "looked-up",
    atMs: 2,
    stage: "t.probe",
    key: step(job, "t.probe")?.key ?? "",
    hit: cached("t.probe", [artifact("media")], FACTS),
  }).job;
  assert.equal(step(job, "t.probe")?.state, "CACHED");
  assert.notEqual(step(job, "t.shots")?.key, "");
  assert.deepEqual(job.facts, FACTS);
});

test("the same output of an earlier stage gives the same key: the cascade stops", () => {
  const first = run(play(queued(), planned).job, "t.probe", ["media"], { facts: FACTS });
  const again = run(play({ ...queued(), id: "j_2" }, planned).job, "t.probe", ["media"], { facts: FACTS });
  assert.equal(step(first, "t.shots")?.key, step(again, "t.shots")?.key);
});

test("cancelling ends every step that is not final, and the job", () => {
  let job = run(play(queued(), planned).job, "t.probe", ["media"], { facts: FACTS });
  job = play(job, { kind: "cancel", atMs: 9 }).job;
  assert.equal(job.state, "CANCELLED");
  assert.deepEqual(
    job.steps.map((one) => one.state),
    ["OK", "CANCELLED", "CANCELLED", "CANCELLED", "CANCELLED"],
  );
});

/** The same plan with the next version of every stage. */
const NEXT = planSteps(
  STAGES.map((record) => ({ ...record, manifest: { ...record.manifest, version: "1.1.0", behaviour: 2 } })),
);

test("a step that nobody can run as it was planned is planned anew: its fence goes on, and the cache is asked for its new key", () => {
  const first = play(queued(), planned).job;
  const ready = play(first, miss(first, "t.probe")).job;
  const released = play(
    ready,
    { kind: "leased", atMs: 3, stage: "t.probe", lease: lease("t.probe", 1), worker: "w", device: "cpu" },
    { kind: "released", atMs: 4, stage: "t.probe", fence: { lease: "t.probe-1", epoch: 1 } },
  ).job;
  const next = NEXT.find(({ stage }) => stage === "t.probe") as Step;
  const replanned = { kind: "replanned", atMs: 5, stage: "t.probe", step: next } as const;
  const { job, effects } = play(released, replanned);
  const moved = step(job, "t.probe");
  assert.deepEqual([moved?.state, moved?.version, moved?.epoch], ["WAITING", "1.1.0", 1]);
  assert.notEqual(moved?.key, step(ready, "t.probe")?.key);
  assert.deepEqual(effects, [{ kind: "look-up", stage: "t.probe", key: moved?.key }]);
  assert.equal(play(first, replanned).applied, false, "it waits for the cache yet");
  const silent = { ...replanned, step: { ...next, outputPorts: [] } };
  assert.equal(play(released, silent).applied, false, "others take what that no longer puts out");
  const late = { ...replanned, step: { ...next, after: ["t.words"] } };
  assert.equal(play(released, late).applied, false, "what it would wait for waits for it");
  const foreign = { ...replanned, step: { ...next, after: ["t.elsewhere"] } };
  assert.equal(play(released, foreign).applied, false, "what it would wait for is not in the job");
});

const stageName = fc.constantFrom(...STAGES.map((record) => record.manifest.name));
const anyEvent = fc.record({
  kind: fc.constantFrom(
    "looked-up",
    "hit",
    "leased",
    "finished",
    "failed",
    "released",
    "lost",
    "cancel",
    "stale",
    "disabled",
    "replanned",
  ),
  stage: stageName,
  failure: fc.constantFrom<Failure["kind"]>("RETRYABLE", "TERMINAL", "INPUT_REJECTED", "RESOURCE"),
  empty: fc.boolean(),
  audio: fc.boolean(),
});

/** The event as it would come for the job as it stands; `stale` shows a fence that never held. */
function concrete(
  job: Job,
  {
    kind,
    stage,
    failure: failureKind,
    empty,
    audio,
  }: { kind: string; stage: string; failure: Failure["kind"]; empty: boolean; audio: boolean },
  atMs: number,
): JobEvent {
  const at = step(job, stage);
  const fence = { lease: at?.lease?.id ?? "none", epoch: at?.epoch ?? 0 };
  const outputs = (at?.outputPorts ?? []).map((port) => artifact(port.name));
  const facts = stage === "t.probe" ? { ...FACTS, has_audio: audio } : undefined;
  switch (kind) {
    case "looked-up":
      return { kind, atMs, stage, key: at?.key ?? "", hit: undefined };
    case "hit":
      return { kind: "looked-up", atMs, stage, key: at?.key ?? "", hit: cached(stage, outputs, facts) };
    case "leased":
      return { kind, atMs, stage, lease: lease(stage, (at?.epoch ?? 0) + 1), worker: "w", device: "cpu" };
    case "finished":
      return { kind, atMs, stage, fence, outputs, empty, partial: "", facts, wallMs: 1, cpuMs: 1 };
    case "failed":
      return { kind, atMs, stage, fence, failure: failure(failureKind), wallMs: 1, cpuMs: 1, random: 0.5 };
    case "released":
    case "lost":
      return { kind, atMs, stage, fence };
    case "disabled":
      return { kind, atMs, stage, keep: empty };
    case "replanned":
      return { kind, atMs, stage, step: step({ ...job, steps: NEXT }, stage) as Step };
    case "stale":
      return {
        kind: "finished",
        atMs,
        stage,
        fence: { lease: "somebody else's", epoch: 99 },
        outputs,
        empty,
        partial: "",
        facts,
        wallMs: 1,
        cpuMs: 1,
      };
    default:
      return { kind: "cancel", atMs };
  }
}

test("invariants R1 to R5 hold under any sequence of events", () => {
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 120 }), (events) => {
      let job = play(queued(), planned).job;
      let atMs = 1000;
      for (const drawn of events) {
        atMs += 100_000; // past any pause
        const event = concrete(job, drawn, atMs);
        const { job: next, applied } = reduce(job, event, config);
        if (!applied) assert.equal(next, job, "what is not applied changes nothing");
        if (drawn.kind === "stale") assert.equal(applied, false, "R2");
        for (const [index, after] of next.steps.entries()) {
          const before = job.steps[index];
          assert.ok(before !== undefined);
          if (isFinal(before.state)) assert.deepEqual(after, before, "R1");
          assert.ok(after.epoch >= before.epoch, "R3");
          if (after.state === "SKIPPED" || after.state === "FAILED" || after.state === "CANCELLED")
            assert.notEqual(after.reason, "", "R5");
          assert.equal(after.lease !== undefined, after.state === "LEASED", "a lease exactly while leased");
        }
        assert.equal(
          jobEnded(next.state),
          next.steps.every((one) => isFinal(one.state)),
          "R4",
        );
        if (next.state === "FAILED" || next.state === "PARTIAL") assert.notEqual(next.reason, "");
        job = next;
      }
    }),
    { numRuns: 300 },
  );
});

test("a job that is settled is marked to be told of, when that is asked for, until it has been", () => {
  const failed = play(queued(), { kind: "unplannable", atMs: 2, reason: "SOURCE_NOT_FOUND", help: "" }).job;
  const told = { kind: "told", atMs: 4 } as const;
  assert.equal(play(failed, told).applied, false, "it is not settled");
  assert.equal(play(failed, { kind: "settled", atMs: 3, sidecarRevision: 0 }).job.toTellMs, undefined);
  const settled = play(failed, { kind: "settled", atMs: 3, sidecarRevision: 0, isToTell: true }).job;
  assert.equal(settled.toTellMs, 3);
  const done = play(settled, told);
  assert.deepEqual([done.applied, "toTellMs" in done.job], [true, false]);
  assert.equal(play(done.job, told).applied, false);
});
