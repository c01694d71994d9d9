import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, embedStage, failedAs, isUnserved, retryUntilParked } from "./testing/interactive.ts";
import { inline, json, manifest } from "./testing/raw-worker.ts";
import { World } from "./testing/world.ts";

test("a request is answered by a worker of the stage, also while all its slots are busy", async (t) => {
  const world = await World.open(t);
  const busy = Promise.withResolvers<void>();
  await world.serve([embedStage(busy.promise)]);
  const job = await world.create(await world.file("a.bin", "a"));
  await world.untilJob(job, ({ steps }) => steps[0]?.state === "LEASED", "runs");
  assert.equal(await retryUntilParked(() => ask(world, "made.embed", "one")), "heard one");
  assert.equal(await retryUntilParked(() => ask(world, "made.embed", "two")), "heard two");
  busy.resolve();
  assert.equal((await world.settled(job)).state, "SUCCEEDED");
});

test("without a parked worker a request fails at once", async (t) => {
  const world = await World.open(t);
  const beforeMs = performance.now();
  await assert.rejects(ask(world, "made.embed", "hello"), isUnserved);
  assert.ok(performance.now() - beforeMs < 2_000);
});

test("a failed request, one given back and one nobody waits for any more end cleanly", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.embed"), { interactive: true });
  const parked = async () => {
    const poll = worker.acquire({ interactive: true, waitMs: 2_000 });
    return { poll, lease: () => poll.then(([lease]) => lease as NonNullable<typeof lease>) };
  };
  const asked = async (options: Parameters<typeof ask>[3] = {}) => {
    const { lease } = await parked();
    const answer = retryUntilParked(() => ask(world, "made.embed", "hello", options));
    answer.catch(() => undefined);
    return { answer, lease: await lease() };
  };
  const failed = await asked();
  assert.equal(failed.lease.inputs[0]?.content?.$case, "inline");
  await worker.fail(failed.lease, { reason: "SICK", message: "No." });
  await assert.rejects(
    failed.answer,
    (reason: unknown) => failedAs("UNAVAILABLE")(reason) && /SICK: No\./.test(String(reason)),
  );
  const back = await asked();
  await worker.release(back.lease);
  await assert.rejects(back.answer, failedAs("UNAVAILABLE"));
  const stop = new AbortController();
  const aborted = await asked({ signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(aborted.answer, /enough/);
  const late = await asked({ timeoutMs: 30 });
  await assert.rejects(late.answer, failedAs("BUS_TIMEOUT"));
  assert.equal((await worker.complete(late.lease, [json("response", 1)])).result, "SUPERSEDED");
  const fine = await asked();
  assert.equal((await worker.complete(fine.lease, [inline("response", Buffer.from("yes"))])).result, "ACCEPTED");
  assert.equal(await fine.answer, "yes");
  assert.equal((await worker.complete(fine.lease, [inline("response", Buffer.from("yes"))])).result, "SUPERSEDED");
});

test("a session gets requests only of stages it registered for them", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.batch"));
  const poll = worker.acquire({ interactive: true, slots: { "made.batch": 1, "made.embed": 1 }, waitMs: 300 });
  await assert.rejects(ask(world, "made.batch", "hello"), isUnserved);
  await assert.rejects(ask(world, "made.embed", "hello"), isUnserved);
  assert.deepEqual(await poll, []);
});
