import assert from "node:assert/strict";
import { test } from "node:test";
import type { OrchestratorConfig } from "./config.ts";
import { json, manifest, port, type RawWorker } from "./testing/raw-worker.ts";
import { stoppedClock, World } from "./testing/world.ts";

/** A world with one stage, one worker that serves it, and a job that waits for it. */
async function oneStage(
  t: Parameters<typeof World.open>[0],
  config: Partial<OrchestratorConfig> = {},
  timeouts?: { attemptMs: number; stallMs: number },
) {
  const clock = stoppedClock(t);
  const world = await World.open(t, config);
  const worker = await world.worker();
  const what = manifest("made.one", { timeouts });
  await worker.register(what);
  const job = await world.create(await world.file("a.bin", "a"));
  const another = async () => {
    const second = await world.worker();
    await second.register(what);
    return second;
  };
  return { world, worker, job, another, clock };
}

const done = (worker: RawWorker, held: { lease: string; epoch: number }) =>
  worker.complete(held, [json("out", { done: true })]);

test("a lease that is neither renewed nor finished is lost after the time to accept, and goes to another with a greater epoch", async (t) => {
  const { world, worker, job, another, clock } = await oneStage(t, { acceptWithinMs: 5_000 });
  const first = await worker.lease();
  clock.tick(4_999);
  assert.deepEqual(await worker.acquire({ waitMs: 100 }), []);
  clock.tick(1);
  const second = await another();
  const again = await second.lease();
  assert.deepEqual([again.stage, again.epoch, again.attempt], ["made.one", first.epoch + 1, 2]);
  assert.equal((await world.step(job, "made.one")).lost, 1);
  const late = await done(worker, first);
  assert.deepEqual([late.result, late.reason], ["SUPERSEDED", "LEASE_SUPERSEDED"]);
  assert.equal((await done(second, again)).result, "ACCEPTED");
  const ended = await world.settled(job);
  assert.deepEqual([ended.state, ended.steps[0]?.ending?.lease], ["SUCCEEDED", again.lease]);
});

test("renewals keep a lease far beyond its time to live, and their progress is stored", async (t) => {
  const { world, worker, job, clock } = await oneStage(t, { acceptWithinMs: 5_000, leaseTtlMs: 5_000 });
  const lease = await worker.lease();
  for (let turn = 1; turn <= 5; turn++) {
    const [answer] = await worker.renew([lease], { done: turn, total: 100, unit: "steps", message: "going on" });
    assert.equal(answer?.verdict, "CONTINUE");
    clock.tick(4_900);
  }
  assert.equal((await world.step(job, "made.one")).lease?.id, lease.lease);
  const [session] = await world.all<{ renewals: Record<string, { done: number; message: string }> }>("sessions");
  assert.equal(session?.body.renewals[lease.lease]?.message, "going on");
  assert.equal((await done(worker, lease)).result, "ACCEPTED");
});

test("a worker that falls silent loses its active lease", async (t) => {
  const { world, worker, another, job, clock } = await oneStage(t, { leaseTtlMs: 5_000 });
  const lease = await worker.lease();
  await worker.renew([lease]);
  clock.tick(5_000);
  const second = await another();
  const again = await second.lease();
  assert.equal(again.epoch, 2);
  assert.deepEqual(
    (await worker.renew([lease])).map(({ verdict }) => verdict),
    ["LOST"],
  );
  assert.equal((await done(second, again)).result, "ACCEPTED");
  assert.equal((await world.settled(job)).state, "SUCCEEDED");
});

test("a machine that slept takes no lease away for it", async (t) => {
  const { world, worker, job, clock } = await oneStage(t, { leaseTtlMs: 5_000, sweepEveryMs: 20 });
  const lease = await worker.lease();
  await worker.renew([lease]);
  clock.tick(3_600_000);
  assert.deepEqual(await worker.acquire({ waitMs: 200 }), [], "sweeps have come since");
  assert.equal((await done(worker, lease)).result, "ACCEPTED");
  assert.equal((await world.settled(job)).steps[0]?.lost, 0);
});

test("a finish that is repeated is answered ACCEPTED again and committed once", async (t) => {
  const { world, worker, job } = await oneStage(t);
  const lease = await worker.lease();
  const answers = await Promise.all([done(worker, lease), done(worker, lease), done(worker, lease)]);
  assert.deepEqual(
    answers.map(({ result }) => result),
    ["ACCEPTED", "ACCEPTED", "ACCEPTED"],
  );
  await world.settled(job);
  assert.equal((await done(worker, lease)).result, "ACCEPTED");
  const cache = await world.all("cache");
  assert.deepEqual(
    cache.map(({ version }) => version),
    [1],
  );
});

test("the same request id brings the same leases again, another one others", async (t) => {
  const { world, worker } = await oneStage(t);
  await world.create(await world.file("b.bin", "b"));
  const [first, again] = await Promise.all([worker.lease({ requestId: "r1" }), worker.lease({ requestId: "r1" })]);
  assert.equal(again?.lease, first?.lease);
  assert.equal((await worker.lease({ requestId: "r1" })).lease, first.lease);
  assert.notEqual((await worker.lease({ requestId: "r2" })).job, first.job);
});

test("a lease held and not listed in a renewal is given back", async (t) => {
  const { world, worker, job } = await oneStage(t, { acceptWithinMs: 10_000 });
  const lease = await worker.lease();
  assert.deepEqual(await worker.renew([]), []);
  assert.equal((await world.step(job, "made.one")).state, "LEASED", "too new to be missing");
  await worker.renew([lease]);
  await worker.renew([]);
  const again = await worker.lease();
  assert.equal(again.epoch, 2);
  const step = await world.step(job, "made.one");
  assert.deepEqual([step.lost, step.failures], [0, 0]);
});

test("closing a session gives its leases back and ends its parked polls", async (t) => {
  const { worker, another } = await oneStage(t);
  await worker.lease();
  const parked = worker.acquire({ waitMs: 20_000 });
  await worker.work.closeSession({ session: worker.id }, worker.options);
  assert.deepEqual(await parked, []);
  assert.equal((await (await another()).lease()).epoch, 2);
});

test("three lost leases end a step", async (t) => {
  const { world, worker, job, clock } = await oneStage(t, { acceptWithinMs: 1_000 });
  for (let epoch = 1; epoch <= 3; epoch++) {
    assert.equal((await worker.lease()).epoch, epoch);
    clock.tick(1_000);
  }
  const ended = await world.settled(job);
  assert.equal(ended.state, "FAILED");
  assert.match(ended.reason, /^LOST_REPEATEDLY: .*raw.*\[made\.one\]$/);
  assert.notEqual(ended.help, "");
});

test("of steps whose worker was lost, a session has one at a time: what kills workers does not take the same others along again", async (t) => {
  const { world, worker, job, clock } = await oneStage(t, { acceptWithinMs: 1_000 });
  for (const name of ["b", "c", "d"]) await world.create(await world.file(`${name}.bin`, name));
  const ready = async (count: number) =>
    world.until(
      async () => ((await world.ports.catalog.count("jobs", "ready")) === count ? true : undefined),
      `${count} are ready`,
    );
  await ready(4);
  const slots = { "made.one": 3 };
  assert.equal((await worker.acquire({ slots })).length, 3);
  clock.tick(1_000);
  await ready(4);
  const [suspect, fresh, ...more] = await worker.acquire({ slots });
  assert.deepEqual([suspect?.job, suspect?.attempt, fresh?.attempt, more.length], [job, 2, 1, 0]);
  assert.deepEqual(await worker.acquire({ slots, waitMs: 0 }), []);
  const waiting = worker.lease({ slots });
  assert.ok(suspect);
  await done(worker, suspect);
  assert.equal((await waiting).attempt, 2);
});

test("an attempt without progress is taken away though its worker renews it", async (t) => {
  const { world, worker, job, clock } = await oneStage(t, {}, { attemptMs: 60_000, stallMs: 5_000 });
  const lease = await worker.lease();
  const progress = { done: 1, total: 2, unit: "films", message: "" };
  await worker.renew([lease], progress);
  clock.tick(4_999);
  const verdicts = async (more = progress) => (await worker.renew([lease], more)).map(({ verdict }) => verdict);
  assert.deepEqual(await verdicts({ ...progress, done: 2 }), ["CONTINUE"]);
  clock.tick(4_999);
  assert.deepEqual(await verdicts({ ...progress, done: 2 }), ["CONTINUE"]);
  clock.tick(1);
  await world.until(
    async () => ((await verdicts({ ...progress, done: 2 })).includes("LOST") ? true : undefined),
    "it is taken away",
  );
  const step = await world.step(job, "made.one");
  assert.equal(step.failures, 1);
  assert.match(step.reason, /^STALLED: no progress for 5000 ms/);
});

test("an attempt has its time and no more", async (t) => {
  const { world, worker, job, clock } = await oneStage(t, {}, { attemptMs: 5_000, stallMs: 60_000 });
  const lease = await worker.lease();
  assert.equal(lease.attemptTimeoutMs, 5_000);
  clock.tick(5_000);
  let count = 0;
  await world.until(async () => {
    const [answer] = await worker.renew([lease], { done: ++count, total: 0, unit: "films", message: "" });
    return answer?.verdict === "LOST" ? true : undefined;
  }, "the attempt is over");
  assert.match((await world.step(job, "made.one")).reason, /^TIMED_OUT: not done 5000 ms after it began/);
});

test("times that a stage does not name are the server's", async (t) => {
  const clock = stoppedClock(t);
  const world = await World.open(t, { plan: { stages: {}, producers: {}, attemptMs: 9_000, stallMs: 2_000 } });
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const job = await world.create(await world.file("a.bin", "a"));
  const lease = await worker.lease();
  assert.equal(lease.attemptTimeoutMs, 9_000);
  await worker.renew([lease]);
  clock.tick(2_000);
  const taken = () => world.step(job, "made.one").then(({ reason }) => (reason === "" ? undefined : reason));
  assert.match(await world.until(taken, "it is taken away"), /^STALLED: no progress for 2000 ms/);
});

test("the same request id brings the same leases for as long as the server is set to, and new ones after", async (t) => {
  const { world, worker, clock } = await oneStage(t, { replayMs: 300 });
  await world.create(await world.file("b.bin", "b"));
  const first = await worker.lease({ requestId: "r1" });
  clock.tick(299);
  assert.deepEqual(
    (await worker.acquire({ requestId: "r1", waitMs: 0 })).map(({ lease }) => lease),
    [first.lease],
  );
  clock.tick(1);
  const next = await world.until(async () => {
    const [lease] = await worker.acquire({ requestId: "r1", waitMs: 0 });
    return lease === undefined || lease.lease === first.lease ? undefined : lease;
  }, "the answer is forgotten");
  assert.notEqual(next.job, first.job);
});

test("leases that are none of ours spoil nothing for the others in a call", async (t) => {
  const { worker } = await oneStage(t);
  const lease = await worker.lease();
  const odd = ["", "nonsense", "j_00-0-1", "x".repeat(5_000), "i_unknown"];
  const verdicts = await worker.renew([lease, ...odd.map((name) => ({ lease: name, epoch: 1 }))]);
  assert.deepEqual(
    verdicts.map(({ verdict }) => verdict),
    ["CONTINUE", "LOST", "LOST", "LOST", "LOST", "LOST"],
  );
  const finishes = [...odd, lease.lease].map((name) => ({
    lease: name,
    epoch: 1,
    outcome: { $case: "completed" as const, value: { outputs: [json("out", {})], partialReason: "" } },
  }));
  const { answers } = await worker.work.finishLeases({ session: worker.id, finishes }, worker.options);
  assert.deepEqual(
    answers.map(({ result }) => result),
    [...odd.map(() => "SUPERSEDED"), "ACCEPTED"],
  );
});

test("a poll that does not wait gets what is ready, and never more than it asked for", async (t) => {
  const { world, worker } = await oneStage(t);
  for (const name of ["b", "c", "d"]) await world.create(await world.file(`${name}.bin`, name));
  await world.until(
    async () => ((await world.ports.catalog.count("jobs", "ready")) === 4 ? true : undefined),
    "all are ready",
  );
  assert.equal((await worker.acquire({ slots: { "made.one": 3 }, waitMs: 0 })).length, 3);
  assert.equal((await worker.acquire({ slots: { "made.one": 3 }, waitMs: 0 })).length, 1);
  assert.equal((await worker.acquire({ slots: { "made.one": 3 }, waitMs: 0 })).length, 0);
});

test("higher priority goes first, older first among equals", async (t) => {
  const { world, worker, job } = await oneStage(t);
  const low = await world.create(await world.file("b.bin", "b"), { priority: -5 });
  const high = await world.create(await world.file("c.bin", "c"), { priority: 5 });
  const also = await world.create(await world.file("d.bin", "d"));
  await world.until(
    async () => ((await world.ports.catalog.count("jobs", "ready")) === 4 ? true : undefined),
    "all are ready",
  );
  const order = [];
  for (let next = 0; next < 4; next++) order.push((await worker.lease()).job);
  assert.deepEqual(order, [high, job, also, low]);
});

test("an answer stays below gRPC's limit: what does not fit is leased with the next, and none is lost", async (t) => {
  const world = await World.open(t);
  const [maker, reader] = [await world.worker(), await world.worker()];
  const ports = Array.from({ length: 16 }, (_, index) => port(`p${index}`, { schema: `x.p${index}` }));
  await maker.register(manifest("made.many", { outputs: ports }));
  await reader.register(manifest("made.reader", { inputs: ports }));
  const count = 70;
  for (let number = 0; number < count; number++) await world.create(await world.file(`${number}.bin`, `${number}`));
  for (let left = count; left > 0; ) {
    const leases = await maker.acquire({ slots: { "made.many": 50 } });
    left -= leases.length;
    // Nearly 4 KiB on each port: all of it travels within leases.
    for (const lease of leases)
      await maker.complete(
        lease,
        ports.map(({ name }) => json(name, lease.job.padEnd(4_000, "."))),
      );
  }
  await world.until(
    async () => ((await world.ports.catalog.count("jobs", "ready:made.reader")) === count ? true : undefined),
    "all are ready",
  );
  const first = await reader.acquire({ slots: { "made.reader": 256 } });
  assert.ok(first.length > 20 && first.length < count, `${first.length} leases in the first answer`);
  const rest = await reader.acquire({ slots: { "made.reader": 256 } });
  assert.deepEqual(new Set([...first, ...rest].map(({ job }) => job)).size, count);
  assert.ok([...first, ...rest].every(({ epoch, inputs }) => epoch === 1 && inputs.length === 16));
});

test("at most so many attempts run at once, over all stages and workers", async (t) => {
  const world = await World.open(t, { maxAttempts: 2 });
  const [one, two] = [await world.worker(), await world.worker()];
  for (const name of ["made.one", "made.two"]) await one.register(manifest(name));
  await two.register(manifest("made.one"));
  for (const name of ["a", "b", "c"]) await world.create(await world.file(`${name}.bin`, name));
  const held = [await one.lease({ slots: { "made.one": 1 } }), await one.lease({ slots: { "made.two": 1 } })];
  assert.deepEqual(await two.acquire({ waitMs: 50 }), []);
  const waiting = two.lease();
  await done(one, held[0] as (typeof held)[number]);
  assert.equal((await waiting).stage, "made.one");
});
