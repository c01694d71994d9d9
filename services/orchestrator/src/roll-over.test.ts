import assert from "node:assert/strict";
import { test } from "node:test";
import { layersOf } from "@heimdex/sidecar";
import { json, manifest, port, type RawWorker } from "./testing/raw-worker.ts";
import { stoppedClock, World } from "./testing/world.ts";

type Outputs = Parameters<typeof manifest>[1];

/** A version of one stage. */
const version = (number: string, more: Outputs = {}) => manifest("made.one", { version: number, ...more });

/** The version that plans use, and how it stands. */
async function standing(worker: RawWorker): Promise<[string | undefined, string]> {
  const stage = await worker.registry.getStage({ name: "made.one" }, worker.options);
  return [stage.manifest?.version, stage.state];
}

async function planned(world: World, name: string): Promise<string> {
  const job = await world.create(await world.file(name, name));
  await world.untilJob(job, ({ state }) => state === "RUNNING", "is planned");
  return job;
}

const done = (worker: RawWorker, lease: { lease: string; epoch: number }) => worker.complete(lease, [json("out", 1)]);

test("old and new stand side by side: leases under way finish, what was planned with the old goes to the old, new plans use the new", async (t) => {
  const world = await World.open(t);
  const [old, fresh] = [await world.worker(), await world.worker()];
  await old.register(version("1.9.0"));
  const jobs = [await planned(world, "a.bin"), await planned(world, "b.bin")];
  const underWay = await old.lease();
  await fresh.register(version("1.10.0"));
  assert.deepEqual(await standing(old), ["1.10.0", "ENABLED"]);
  jobs.push(await planned(world, "c.bin"));
  assert.deepEqual(await Promise.all(jobs.map(async (job) => (await world.step(job, "made.one")).version)), [
    "1.9.0",
    "1.9.0",
    "1.10.0",
  ]);
  const byNew = await fresh.lease();
  assert.deepEqual([byNew.job, byNew.stageVersion], [jobs[2], "1.10.0"]);
  assert.deepEqual(await fresh.acquire({ waitMs: 0 }), [], "what the old was planned with is not for the new");
  const byOld = await old.lease();
  assert.deepEqual([byOld.stageVersion, byOld.job === underWay.job], ["1.9.0", false]);
  for (const [worker, lease] of [
    [old, underWay],
    [old, byOld],
    [fresh, byNew],
  ] as const)
    assert.equal((await done(worker, lease)).result, "ACCEPTED");
  for (const job of jobs) assert.equal((await world.settled(job)).state, "SUCCEEDED");
});

test("what was planned with a version that nobody serves any more is planned anew with the one that is there", async (t) => {
  const world = await World.open(t, { healEveryMs: 30 });
  const old = await world.worker();
  await old.register(version("1.0.0"));
  await old.register(manifest("made.reader", { inputs: [port("in", { schema: "made.one.out" })] }));
  const job = await planned(world, "a.bin");
  await world.untilJob(job, ({ steps }) => steps.some(({ state }) => state === "READY"), "waits for a worker");
  const lost = await old.lease({ slots: { "made.one": 1 } });
  await old.fail(lost, { retryAfter: { seconds: 0, nanos: 1e6 } });
  await old.work.closeSession({ session: old.id }, old.options);
  const fresh = await world.worker();
  const configSchema = '{"type":"object","properties":{"loud":{"default":true}}}';
  await fresh.register(version("2.0.0", { behaviour: 2, configSchema }));
  const lease = await fresh.lease();
  assert.deepEqual(
    [lease.job, lease.stageVersion, lease.config, lease.epoch],
    [job, "2.0.0", '{"loud":true}', lost.epoch + 1],
  );
  assert.equal((await done(fresh, lease)).result, "ACCEPTED");
  const reader = await world.worker();
  await reader.register(manifest("made.reader", { inputs: [port("in", { schema: "made.one.out" })] }));
  await done(reader, await reader.lease());
  const { state, steps } = await world.settled(job);
  assert.deepEqual(
    [state, ...steps.map(({ stage, version: planned }) => `${stage} ${planned}`)],
    ["SUCCEEDED", "made.one 2.0.0", "made.reader 1.0.0"],
  );
});

test("models that nobody has any more: what waits for them is planned anew with those that are there", async (t) => {
  const world = await World.open(t, { healEveryMs: 30 });
  const old = await world.worker();
  const model = (digit: string) => ({ models: [{ id: "m", sha256: digit.repeat(64), licence: "" }] });
  await old.register(version("1.0.0"), model("a"));
  const job = await planned(world, "a.bin");
  const fresh = await world.worker();
  await fresh.register(version("1.0.0"), model("b"));
  await old.work.closeSession({ session: old.id }, old.options);
  assert.equal((await fresh.lease()).job, job);
  assert.equal((await world.step(job, "made.one")).models[0]?.sha256, "b".repeat(64));
});

test("a version that no longer puts out what others of the job take from it does not take its place", async (t) => {
  const world = await World.open(t, { healEveryMs: 30 });
  const old = await world.worker();
  await old.register(version("1.0.0"));
  await old.register(manifest("made.reader", { inputs: [port("in", { schema: "made.one.out" })] }));
  const job = await planned(world, "a.bin");
  await old.work.closeSession({ session: old.id }, old.options);
  const fresh = await world.worker();
  await fresh.register(version("2.0.0", { outputs: [port("out", { schema: "made.one.out", major: 2 })] }));
  assert.deepEqual(await fresh.acquire({ waitMs: 300 }), []);
  const again = await world.worker();
  await again.register(version("1.0.0"));
  assert.equal((await again.lease()).job, job, "it waits for the version it was planned with");
});

test("an old worker that registers again takes plans back from the new one only when nobody serves that any more", async (t) => {
  const clock = stoppedClock(t);
  const world = await World.open(t, { leaseTtlMs: 5_000 });
  const [old, fresh] = [await world.worker(), await world.worker()];
  await old.register(version("1.0.0"));
  await fresh.register(version("2.0.0-rc.1"));
  for (let flap = 0; flap < 3; flap++) {
    assert.equal((await old.register(version("1.0.0")))?.manifest?.version, "2.0.0-rc.1");
    await fresh.register(version("2.0.0-rc.1"));
  }
  await fresh.work.closeSession({ session: fresh.id }, fresh.options);
  await old.register(version("1.0.0"));
  assert.deepEqual(await standing(old), ["1.0.0", "ENABLED"], "its workers were ended: back to the old one");
  const again = await world.worker();
  await again.register(version("2.0.0-rc.1"));
  assert.deepEqual(await standing(old), ["2.0.0-rc.1", "ENABLED"]);
  clock.tick(5_001); // killed: nothing was heard of it for the life of a lease
  await old.register(version("1.0.0"));
  assert.deepEqual(await standing(old), ["1.0.0", "ENABLED"]);
});

test("a newer version that cannot run here leaves plans to the older one that can", async (t) => {
  const world = await World.open(t);
  const [old, fresh] = [await world.worker(), await world.worker()];
  await old.register(version("1.0.0"));
  await fresh.register(version("2.0.0"), { unavailableReason: "NO_MODEL", unavailableHelp: "Pull it." });
  assert.deepEqual(await standing(old), ["1.0.0", "ENABLED"]);
  await fresh.register(version("2.0.0"));
  assert.deepEqual(await standing(old), ["2.0.0", "ENABLED"]);
});

test("retired stays retired when its workers register again, or older ones; leases under way finish, and a newer version ends it", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(version("1.1.0"));
  await worker.register(manifest("made.other"));
  await planned(world, "a.bin");
  const underWay = await worker.lease({ slots: { "made.one": 1 } });
  await worker.registry.retireStage({ name: "made.one" }, worker.options);
  assert.equal((await worker.register(version("1.1.0")))?.state, "RETIRED");
  const older = await world.worker();
  assert.equal((await older.register(version("1.0.0")))?.state, "RETIRED");
  await world.restart({ workerAddress: world.address });
  const now = await world.until(() => standing(worker).catch(() => undefined), "the server is back");
  assert.deepEqual(now, ["1.1.0", "RETIRED"]);
  assert.equal((await done(worker, underWay)).result, "ACCEPTED");
  const job = await planned(world, "b.bin");
  assert.deepEqual(
    (await world.job(job)).steps.map(({ stage }) => stage),
    ["made.other"],
  );
  await older.register(version("1.2.0"));
  assert.deepEqual(await standing(worker), ["1.2.0", "ENABLED"]);
});

test("a person enables what was retired, also while its worker cannot run it; not what no longer goes with the others", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  const enable = () => world.command("StageService.EnableStage", { stage: "made.one" });
  await worker.register(version("1.0.0"));
  await worker.registry.retireStage({ name: "made.one" }, worker.options);
  await enable();
  assert.deepEqual(await standing(worker), ["1.0.0", "ENABLED"]);
  await worker.registry.retireStage({ name: "made.one" }, worker.options);
  await worker.register(version("1.0.0"), { unavailableReason: "NO_MODEL", unavailableHelp: "Pull it." });
  assert.deepEqual(await standing(worker), ["1.0.0", "RETIRED"]);
  await enable();
  assert.deepEqual(await standing(worker), ["1.0.0", "UNAVAILABLE"]);
  await worker.registry.retireStage({ name: "made.one" }, worker.options);
  await worker.register(manifest("made.rival", { outputs: [port("out", { schema: "made.one.out" })] }));
  await worker.register(manifest("made.reader", { inputs: [port("in", { schema: "made.one.out" })] }));
  await assert.rejects(enable(), { id: "STAGE_AMBIGUOUS", message: /made\.one and made\.rival/ });
  assert.deepEqual(await standing(worker), ["1.0.0", "RETIRED"]);
});

test("a stage that is turned off and kept: nobody waits for it, its results stay, and no new version turns it on", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  const captions = (number: string) =>
    version(number, { outputs: [port("out", { schema: "heimdex.layer.captions" })] });
  const layer = json("out", {
    kind: "captions",
    version: 1,
    items: [{ id: "c1", start_ms: 0, end_ms: 10, text: "a man" }],
  });
  await worker.register(captions("1.0.0"));
  await worker.register(manifest("made.other"));
  const uri = await world.file("a.bin", "a");
  const first = await world.create(uri);
  const other = async () => void (await done(worker, await worker.lease({ slots: { "made.other": 1 } })));
  await worker.complete(await worker.lease({ slots: { "made.one": 1 } }), [layer]);
  await other();
  const { asset } = await world.settled(first);
  const waiting = await planned(world, "b.bin");
  await other();
  await world.command("StageService.DisableStage", { stage: "made.one", keep: true });
  assert.equal((await world.settled(waiting)).state, "SUCCEEDED", "it waited for nothing else");
  assert.match((await world.step(waiting, "made.one")).reason, /^LEFT_OUT: /);
  await worker.register(captions("2.0.0"));
  assert.deepEqual(await standing(worker), ["2.0.0", "DISABLED"]);
  const again = await world.index(uri);
  assert.deepEqual(
    again.steps.map(({ stage }) => stage),
    ["made.other"],
  );
  const kept = async () => layersOf(await world.sidecar(asset), "captions").length;
  assert.equal(await kept(), 1);
  await world.command("StageService.DisableStage", { stage: "made.one" });
  assert.equal(await kept(), 0, "turned off without keeping it goes after all");
  await world.command("StageService.EnableStage", { stage: "made.one" });
  assert.deepEqual(await standing(worker), ["2.0.0", "ENABLED"]);
});
