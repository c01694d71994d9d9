import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { json, manifest, port, source } from "./testing/raw-worker.ts";
import { stoppedClock, World } from "./testing/world.ts";

const RETRY = { attempts: 3, losses: 3, resourceAttempts: 5, baseMs: 20, capMs: 100 };

async function oneJob(t: Parameters<typeof World.open>[0], attempts = 0) {
  const world = await World.open(t, { retry: RETRY });
  const worker = await world.worker();
  await worker.register(manifest("made.one", { attempts }));
  const job = await world.create(await world.file("a.bin", "a"));
  return { world, worker, job };
}

test("what can be retried is, after growing pauses, until the budget is used up; then the failure is told whole", async (t) => {
  const { world, worker, job } = await oneJob(t);
  const readyAtMs: number[] = [];
  for (let attempt = 1; attempt <= 3; attempt++) {
    const lease = await worker.lease();
    assert.equal(lease.attempt, attempt);
    const { notBeforeMs } = await world.step(job, "made.one");
    assert.ok(Date.now() >= notBeforeMs);
    readyAtMs.push(notBeforeMs);
    const answer = await worker.fail(lease, {
      reason: "SICK",
      message: "It hiccuped.",
      help: "Give it water.",
      logTail: "the last line",
    });
    assert.equal(answer.result, "ACCEPTED");
  }
  const ended = await world.settled(job);
  const step = await world.step(job, "made.one");
  assert.deepEqual(
    [ended.state, ended.reason, ended.help],
    ["FAILED", "SICK: It hiccuped. [made.one]", "Give it water."],
  );
  assert.deepEqual([step.failures, step.logTail], [3, "the last line"]);
  assert.ok((readyAtMs[2] as number) > (readyAtMs[1] as number));
});

test("a stage may have a budget of its own, for whatever kind of failure", async (t) => {
  for (const kind of ["RETRYABLE", "RESOURCE"] as const) {
    const once = await oneJob(t, 1);
    await once.worker.fail(await once.worker.lease(), { kind });
    assert.deepEqual([(await once.world.settled(once.job)).state, kind], ["FAILED", kind]);
  }
  const { world, worker, job } = await oneJob(t, 7);
  for (let attempt = 1; attempt <= 7; attempt++) await worker.fail(await worker.lease(), {});
  assert.equal((await world.settled(job)).steps[0]?.failures, 7);
});

test("a worker may say when it makes sense to try again", async (t) => {
  const clock = stoppedClock(t);
  const { world, worker, job } = await oneJob(t);
  const beforeMs = Date.now();
  await worker.fail(await worker.lease(), { retryAfter: { seconds: 0, nanos: 300e6 } });
  assert.equal((await world.step(job, "made.one")).notBeforeMs, beforeMs + 300);
  clock.tick(299);
  assert.deepEqual(await worker.acquire({ waitMs: 0 }), []);
  clock.tick(1);
  assert.equal((await worker.lease()).attempt, 2);
});

for (const kind of ["TERMINAL", "INPUT_REJECTED"] as const) {
  test(`${kind} is not tried again`, async (t) => {
    const { world, worker, job } = await oneJob(t);
    await worker.fail(await worker.lease(), { kind, reason: "NOT_MEDIA", message: "It is a text." });
    const ended = await world.settled(job);
    assert.deepEqual([ended.state, ended.steps[0]?.epoch], ["FAILED", 1]);
    assert.equal(ended.reason, "NOT_MEDIA: It is a text. [made.one]");
  });
}

test("a machine short of memory gets more patience than a bug", async (t) => {
  const { world, worker, job } = await oneJob(t);
  for (let attempt = 1; attempt <= RETRY.resourceAttempts; attempt++)
    await worker.fail(await worker.lease(), { kind: "RESOURCE" });
  const ended = await world.settled(job);
  assert.deepEqual([ended.state, ended.steps[0]?.failures], ["FAILED", RETRY.resourceAttempts]);
});

test("a lease given back costs no attempt", async (t) => {
  const { world, worker, job } = await oneJob(t);
  for (let epoch = 1; epoch <= 5; epoch++) await worker.release(await worker.lease());
  await worker.complete(await worker.lease(), [json("out", 1)]);
  const ended = await world.settled(job);
  assert.deepEqual([ended.state, ended.steps[0]?.failures, ended.steps[0]?.lost], ["SUCCEEDED", 0, 0]);
});

for (const [how, times, has] of [
  ["refuses", 4, () => Promise.reject(new HeimdexError("BLOB_UNAVAILABLE", "connection refused"))],
  ["is silent", 1, () => new Promise<never>(() => {})],
] as const)
  test(`what fails while the blob store ${how} costs no try: it is offered again later, with its reason told meanwhile`, async (t) => {
    let isAway = false;
    const world = await World.open(t, { retry: { ...RETRY, attempts: 2 } }, (ports) => {
      const blobs = new Proxy(ports.blobs, {
        get: (target, key) => {
          if (key === "has" && isAway) return has;
          const value: unknown = Reflect.get(target, key);
          return typeof value === "function" ? value.bind(target) : value;
        },
      });
      return { ...ports, blobs };
    });
    const worker = await world.worker();
    await worker.register(manifest("made.one"));
    const job = await world.create(await world.file("a.bin", "a"));
    const clock = stoppedClock(t);
    isAway = true;
    for (let time = 1; time <= times; time++) {
      const lease = await worker.lease();
      const failure = { reason: "INPUT_UNAVAILABLE", message: "HTTP status 503" };
      assert.equal((await worker.fail(lease, failure)).result, "ACCEPTED");
      const { failures, reason, state } = await world.step(job, "made.one");
      assert.deepEqual([failures, reason, state], [0, "INPUT_UNAVAILABLE: HTTP status 503", "READY"]);
      clock.tick(4_999);
      assert.deepEqual(await worker.acquire({ waitMs: 0 }), []);
      clock.tick(1);
    }
    isAway = false;
    await worker.fail(await worker.lease(), { reason: "INPUT_UNAVAILABLE" });
    assert.equal((await world.step(job, "made.one")).failures, 1);
    clock.tick(1_000);
    await worker.complete(await worker.lease(), [json("out", 1)]);
    assert.equal((await world.settled(job)).state, "SUCCEEDED");
  });

test("what the rest needs fails with it, what it does not need goes on: PARTIAL", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  const layer = { schema: "heimdex.layer.captions" };
  await worker.register(manifest("made.bad", { outputs: [port("out", { schema: "x.bad" })] }));
  await worker.register(
    manifest("made.behind", {
      inputs: [port("in", { schema: "x.bad" })],
      outputs: [port("out", { schema: "x.behind" })],
    }),
  );
  await worker.register(
    manifest("made.beside", {
      inputs: [source, port("in", { schema: "x.bad", optional: true })],
      outputs: [port("out", layer)],
    }),
  );
  const job = await world.create(await world.file("a.bin", "a"));
  await worker.fail(await worker.lease({ slots: { "made.bad": 1 } }), { kind: "TERMINAL", reason: "BROKEN" });
  const beside = await worker.lease({ slots: { "made.beside": 1 } });
  assert.deepEqual(
    beside.inputs.map((input) => input.port),
    ["source"],
  );
  await worker.complete(beside, [json("out", { kind: "captions", version: 1, items: [] })]);
  const ended = await world.settled(job);
  assert.equal(ended.state, "PARTIAL");
  assert.match(ended.reason, /^BROKEN: .*\[made\.bad\]$/);
  const behind = await world.step(job, "made.behind");
  assert.deepEqual([behind.state, behind.reason.split(":")[0]], ["SKIPPED", "UPSTREAM_FAILED"]);
});

test("a result that is usable but not whole ends the job PARTIAL and says why", async (t) => {
  const { world, worker, job } = await oneJob(t);
  await worker.complete(await worker.lease(), [json("out", 1)], { partialReason: "The file ends in the middle." });
  const ended = await world.settled(job);
  assert.deepEqual([ended.state, ended.reason], ["PARTIAL", "READ_IN_PART: The file ends in the middle. [made.one]"]);
});

test("oversized words of a worker are cut, not refused", async (t) => {
  const { world, worker, job } = await oneJob(t);
  const spans = Array.from({ length: 40 }, (_, index) => ({
    spanId: index.toString(16).padStart(16, "0"),
    parentSpanId: "",
    name: "n".repeat(1_000),
    startTime: new Date(),
    duration: { seconds: 0, nanos: 1 },
    attributes: Object.fromEntries(Array.from({ length: 40 }, (_, key) => [`k${key}`, "v".repeat(2_000)])),
    error: false,
  }));
  const failure = {
    reason: "not an id",
    message: "m".repeat(9_000),
    help: "h".repeat(9_000),
    logTail: `${"l".repeat(9_000)}end`,
  };
  await worker.fail(await worker.lease(), failure);
  const step = await world.step(job, "made.one");
  assert.deepEqual(
    [step.reason.length, step.help.length, step.logTail.length],
    ["STAGE_ERROR: ".length + 2_000, 1_000, 4_096],
  );
  assert.ok(step.logTail.endsWith("end"));
  await worker.complete(await worker.lease(), [json("out", 1)], { spans });
  assert.equal((await world.settled(job)).state, "SUCCEEDED");
  const stored = (await world.spans(job)).filter((span) => span.service === "raw");
  assert.equal(stored.length, 32);
  assert.deepEqual([stored[0]?.name.length, Object.keys(stored[0]?.attributes ?? {}).length], [128, 16]);
});
