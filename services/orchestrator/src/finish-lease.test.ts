import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { HeimdexError } from "@heimdex/errors";
import { inline, json, manifest, port } from "./testing/raw-worker.ts";
import { TENANT, World } from "./testing/world.ts";

const BINARY = "application/octet-stream";
const KIB = 1024;

/** A world with a stage that puts out bytes and may leave them out, a worker that serves it, and jobs that wait for it. */
async function binaryStage(t: Parameters<typeof World.open>[0], jobs = 1) {
  const world = await World.open(t, {
    retry: { attempts: 100, losses: 3, resourceAttempts: 100, baseMs: 1, capMs: 1 },
  });
  const worker = await world.worker();
  const what = manifest("made.one", {
    outputs: [port("out", { schema: "x.out", mediaType: BINARY, many: true })],
  });
  await worker.register(what);
  const ids: string[] = [];
  for (let at = 0; at < jobs; at++) ids.push(await world.create(await world.file(`${at}.bin`, `${at}`)));
  return { world, worker, what, job: ids[0] as string };
}

async function isKept(world: World, bytes: Uint8Array): Promise<boolean> {
  const { sha256, size } = inline("out", bytes);
  return world.ports.blobs.has({ tenant: TENANT, sha256, size });
}

test("a lease that was given back is nobody's: what comes for it afterwards is SUPERSEDED and changes nothing", async (t) => {
  const { world, worker, job } = await binaryStage(t);
  const lease = await worker.lease();
  assert.equal((await worker.release(lease)).result, "ACCEPTED");
  assert.equal((await worker.release(lease)).result, "ACCEPTED", "the answer to the first was lost");
  const bytes = randomBytes(5 * KIB);
  for (const answer of [await worker.complete(lease, [inline("out", bytes)]), await worker.fail(lease, {})])
    assert.deepEqual([answer.result, answer.reason], ["SUPERSEDED", "LEASE_SUPERSEDED"]);
  const step = await world.step(job, "made.one");
  assert.deepEqual([step.state, step.failures, await isKept(world, bytes)], ["READY", 0, false]);
});

test("a lease that the server took back is over, whatever its worker then says of it", async (t) => {
  const { world, worker, job } = await binaryStage(t);
  const lease = await worker.lease();
  await worker.renew([lease]);
  await worker.renew([]); // not listed: given back
  assert.equal((await world.step(job, "made.one")).state, "READY");
  for (const answer of [
    await worker.complete(lease, [inline("out", Buffer.from("late"))]),
    await worker.fail(lease, {}),
    await worker.release(lease),
  ])
    assert.equal(answer.result, "SUPERSEDED");
});

test("the same finish again gets the same answer, another one SUPERSEDED: the first word counts", async (t) => {
  const { world, worker, job } = await binaryStage(t);
  const bytes = [inline("out", Buffer.from("found"))];
  const failed = await worker.lease();
  assert.equal((await worker.fail(failed, { reason: "SICK" })).result, "ACCEPTED");
  assert.equal((await worker.fail(failed, { reason: "SICK" })).result, "ACCEPTED");
  assert.equal((await worker.complete(failed, bytes)).result, "SUPERSEDED");

  const done = await worker.lease();
  assert.equal((await worker.fail(failed, { reason: "SICK" })).result, "ACCEPTED", "also when it is leased again");
  assert.equal((await worker.complete(done, bytes)).result, "ACCEPTED");
  await world.settled(job);
  assert.equal((await worker.complete(done, bytes)).result, "ACCEPTED");
  assert.equal((await worker.fail(done, {})).result, "SUPERSEDED");
  assert.equal((await worker.release(done)).result, "SUPERSEDED");
  assert.equal((await worker.complete({ ...done, epoch: done.epoch + 1 }, bytes)).result, "SUPERSEDED");
  const step = await world.step(job, "made.one");
  assert.deepEqual([step.state, step.failures], ["OK", 1]);
});

test("nobody ends the lease of another session, before or after that one did", async (t) => {
  const { world, worker, what, job } = await binaryStage(t);
  const stranger = await world.worker();
  await stranger.register(what);
  const lease = await worker.lease();
  const attempts = async () => [
    await stranger.complete(lease, [inline("out", Buffer.from("forged"))]),
    await stranger.fail(lease, { kind: "TERMINAL" }),
    await stranger.release(lease),
  ];
  for (const answer of await attempts()) assert.equal(answer.result, "SUPERSEDED");
  assert.equal((await world.step(job, "made.one")).lease?.id, lease.lease);
  assert.equal((await worker.complete(lease, [inline("out", Buffer.from("true"))])).result, "ACCEPTED");
  for (const answer of await attempts()) assert.equal(answer.result, "SUPERSEDED");
});

test("what is too large for a message fails its attempt by the field's name, and nothing of it is kept", async (t) => {
  const { world, worker, job } = await binaryStage(t);
  const small = randomBytes(200 * KIB);
  for (const [what, outputs, pattern] of [
    [
      "one output beyond 256 KiB",
      [inline("out", small), inline("out", randomBytes(256 * KIB + 1))],
      /^outputs\[1\] \(out\)\.inline: 262145 bytes, at most 262144: upload it$/,
    ],
    [
      "more than 3 MiB together",
      [inline("out", small), ...Array.from({ length: 15 }, () => inline("out", randomBytes(210 * KIB)))],
      /^outputs: 3430400 bytes inline, at most 3145728 a call: upload the larger ones$/,
    ],
    [
      "10 MB in one",
      [inline("out", small), inline("out", randomBytes(10 * 1000 * 1000))],
      /^outputs: 10204800 bytes inline, at most 3145728 a call: upload the larger ones$/,
    ],
  ] as const) {
    const answer = await worker.complete(await worker.lease(), [...outputs]);
    assert.deepEqual([answer.result, answer.reason], ["REFUSED", "OUTPUT_INVALID"], what);
    assert.match(answer.message, pattern, what);
    assert.equal(await isKept(world, small), false, what);
  }
  assert.equal((await worker.complete(await worker.lease(), [inline("out", small)])).result, "ACCEPTED");
  assert.equal((await world.settled(job)).steps[0]?.failures, 3);
});

test("entries that are too much only together may come apart: the call is refused as a whole, and no attempt fails", async (t) => {
  const { world, worker } = await binaryStage(t, 2);
  await world.until(
    async () => ((await world.ports.catalog.count("jobs", "ready")) === 2 ? true : undefined),
    "both are ready",
  );
  const leases = await worker.acquire({ slots: { "made.one": 2 } });
  assert.equal(leases.length, 2);
  const finishes = leases.map(({ lease, epoch }) => ({
    lease,
    epoch,
    outcome: {
      $case: "completed" as const,
      value: { outputs: Array.from({ length: 8 }, () => inline("out", randomBytes(250 * KIB))), partialReason: "" },
    },
  }));
  await assert.rejects(
    worker.work.finishLeases({ session: worker.id, finishes }, worker.options),
    (error: HeimdexError) => {
      assert.equal(error.id, "INVALID_ARGUMENT");
      assert.deepEqual(error.fields, [
        { field: "finishes", description: "4096000 bytes of inline outputs, at most 3145728 a call" },
      ]);
      assert.match(error.help, /fewer entries/);
      return true;
    },
  );
  for (const finish of finishes) {
    const { answers } = await worker.work.finishLeases({ session: worker.id, finishes: [finish] }, worker.options);
    assert.equal(answers[0]?.result, "ACCEPTED");
  }
});

test("an entry without an outcome gives the lease back", async (t) => {
  const { world, worker, job } = await binaryStage(t);
  assert.equal((await worker.finish(await worker.lease(), undefined)).result, "ACCEPTED");
  assert.equal((await world.step(job, "made.one")).failures, 0);
  assert.equal((await worker.complete(await worker.lease(), [json("wrong", 1)])).result, "REFUSED");
});
