import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { analyze } from "@heimdex/search";
import { json, manifest, type RawWorker } from "./testing/raw-worker.ts";
import { counting, film, listen, pictures, probe, type Runs, split } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

const refusedAs = (id: string) => (reason: unknown) => reason instanceof HeimdexError && reason.id === id;

async function rawWorld(t: Parameters<typeof World.open>[0]): Promise<{ world: World; worker: RawWorker }> {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  return { world, worker };
}

test("a repeated CreateJob is one job, also when both come at once", async (t) => {
  const { world } = await rawWorld(t);
  const uri = await world.file("a.bin", "a");
  const ids = await Promise.all(Array.from({ length: 5 }, () => world.create(uri, { request_id: "r1" })));
  assert.equal(new Set([...ids, await world.create(uri, { request_id: "r1" })]).size, 1);
  assert.notEqual(await world.create(uri, { request_id: "r2" }), ids[0]);
  assert.equal((await world.all("jobs")).length, 2);
});

test("a job can be cancelled while it waits for its plan, for a worker and while it runs, and not twice", async (t) => {
  const { world, worker } = await rawWorld(t);
  const uri = await world.file("a.bin", "a");
  await world.stop();
  await world.start({}, false);
  const queued = await world.create(uri);
  await world.command("JobService.CancelJob", { job: queued });
  assert.match((await world.settled(queued)).reason, /^CANCELLED: .*before it was planned/);
  world.openIntake();

  const again = await world.worker();
  again.session = worker.session;
  const ready = await world.create(uri);
  await world.untilJob(ready, ({ state }) => state === "RUNNING", "is planned");
  await world.command("JobService.CancelJob", { job: ready });
  assert.deepEqual(
    (await world.settled(ready)).steps.map(({ state }) => state),
    ["CANCELLED"],
  );
  assert.deepEqual(await again.acquire({ slots: { "made.one": 1 }, waitMs: 50 }), []);

  const running = await world.create(uri);
  const lease = await again.lease({ slots: { "made.one": 1 } });
  await world.command("JobService.CancelJob", { job: running });
  assert.deepEqual(
    (await again.renew([lease])).map(({ verdict }) => verdict),
    ["CANCEL"],
  );
  const ended = await world.settled(running);
  assert.deepEqual([ended.state, ended.steps[0]?.state], ["CANCELLED", "CANCELLED"]);
  assert.equal((await again.complete(lease, [json("out", 1)])).result, "SUPERSEDED");
  await assert.rejects(world.command("JobService.CancelJob", { job: running }), refusedAs("JOB_ENDED"));
  const attempt = await world.until(
    async () => (await world.spans(running)).find(({ name }) => name === "attempt made.one"),
    "the span is stored",
  );
  assert.equal(attempt.attributes.outcome, "cancelled");
});

test("retry runs what failed again, and only that", async (t) => {
  const { world, worker } = await rawWorld(t);
  await worker.register(manifest("made.two"));
  const job = await world.create(await world.file("a.bin", "a"));
  await assert.rejects(world.command("JobService.RetryJob", { job }), refusedAs("ASSET_BUSY"));
  await worker.complete(await worker.lease({ slots: { "made.one": 1 } }), [json("out", 1)]);
  await worker.fail(await worker.lease({ slots: { "made.two": 1 } }), { kind: "TERMINAL" });
  await world.settled(job);
  const retry = await world.command<{ job: string }>("JobService.RetryJob", { job, request_id: "again" });
  assert.deepEqual(await world.command("JobService.RetryJob", { job, request_id: "again" }), retry);
  await worker.complete(await worker.lease({ slots: { "made.one": 1, "made.two": 1 } }), [json("out", 2)]);
  const ended = await world.settled(retry.job);
  assert.deepEqual([ended.state, ...ended.steps.map(({ state }) => state)], ["SUCCEEDED", "CACHED", "OK"]);
});

test("jobs and assets of another tenant do not exist", async (t) => {
  const { world, worker } = await rawWorld(t);
  const job = await world.create(await world.file("a.bin", "a"));
  await worker.complete(await worker.lease(), [json("out", 1)]);
  const { asset } = await world.settled(job);
  for (const [method, request, id] of [
    ["JobService.CancelJob", { job }, "JOB_NOT_FOUND"],
    ["JobService.RetryJob", { job }, "JOB_NOT_FOUND"],
    ["JobService.RetryJob", { job: "nonsense" }, "JOB_NOT_FOUND"],
    ["AssetService.DeleteAsset", { asset }, "ASSET_NOT_FOUND"],
    ["AssetService.DeleteAsset", { asset: "" }, "ASSET_NOT_FOUND"],
  ] as const)
    await assert.rejects(world.command(method, request, "other"), refusedAs(id), method);
});

interface Plan {
  readonly asset: string;
  readonly steps: {
    readonly stage: string;
    readonly action: string;
    readonly why: string;
    readonly estimate_ms: number;
    readonly samples: number;
  }[];
}

test("PlanJob says what would run, what is cached, what is skipped and what cannot be known, with what it took before", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), listen(), split(), counting()]);
  const plan = async (uri: string) => world.command<Plan>("JobService.PlanJob", { source_uri: uri });
  const actions = ({ steps }: Plan) => Object.fromEntries(steps.map(({ stage, action }) => [stage, action]));
  const uri = await world.file("a.json", film({ said: [{ at: 0, text: "hello there" }] }));
  await world.file("a.srt", "1\n");
  assert.deepEqual(actions(await plan(uri)), {
    "made.count": "RUN",
    "made.probe": "RUN",
    "made.listen": "UNKNOWN",
    "made.split": "UNKNOWN",
  });
  const { asset } = await world.index(uri);
  const known = await plan(uri);
  assert.equal(known.asset, asset);
  assert.deepEqual(actions(known), {
    "made.count": "CACHED",
    "made.probe": "CACHED",
    "made.listen": "CACHED",
    "made.split": "CACHED",
  });
  await world.file("a.srt", "2\n");
  assert.equal(actions(await plan(uri))["made.count"], "RUN");

  const silent = await world.file("b.json", film({ streams: ["video"] }));
  await world.index(silent);
  const skipped = (await plan(silent)).steps.find(({ stage }) => stage === "made.listen");
  assert.deepEqual([skipped?.action, skipped?.why.split(":")[0]], ["SKIPPED", "NO_AUDIO"]);
  const next = await plan(await world.file("c.json", film({ salt: "c" })));
  assert.deepEqual(
    next.steps.map(({ samples }) => samples),
    [2, 2, 1, 1],
  );
  assert.equal((await world.all("jobs")).length, 2, "nothing was created");
  await assert.rejects(plan("file:///nowhere/at/all"), refusedAs("SOURCE_NOT_FOUND"));
});

test("deleting an asset leaves nothing of it, and it can be indexed again", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  await world.serve([probe(runs), listen(runs), pictures(10, 5_000, runs), counting(runs)]);
  const uri = await world.file("a.json", film({ said: [{ at: 0, text: "remember the harbour" }] }));
  await world.file("a.srt", "x".repeat(100));
  const kept = await world.index(
    await world.file("b.json", film({ salt: "b", said: [{ at: 0, text: "remember the desert" }] })),
  );
  await world.indexed(kept.asset);
  const before = await files(world);
  const { asset } = await world.index(uri);
  await world.indexed(asset);
  await world.index(await world.file("copy.json", film({ said: [{ at: 0, text: "remember the harbour" }] })));
  await world.indexed(asset);
  assert.ok((await files(world)).length > before.length + 10);
  await world.command("AssetService.DeleteAsset", { asset });
  assert.deepEqual(await files(world), before);
  for (const collection of ["assets", "cache", "jobs", "sources", "spans"] as const)
    for (const { id, body } of await world.all(collection))
      assert.ok(!JSON.stringify(body).includes(asset), `${collection} ${id}`);
  const found = async () =>
    (await world.ports.index.searchText("spoken", analyze("remember"), { tenant: TENANT }, 10)).map(
      ({ row }) => row.asset,
    );
  assert.deepEqual(await found(), [kept.asset]);
  await assert.rejects(world.command("AssetService.DeleteAsset", { asset }), refusedAs("ASSET_NOT_FOUND"));
  const again = await world.index(uri);
  assert.deepEqual([again.asset, again.sidecarRevision, runs.get("made.pictures")], [asset, 1, 3]);
  await world.indexed(asset);
  assert.deepEqual((await found()).sort(), [asset, kept.asset].sort());
});

/** Every file in the blob store. */
async function files(world: World): Promise<string[]> {
  const entries = await readdir(join(world.folder, "blobs"), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.parentPath.includes(TENANT))
    .map(({ parentPath, name }) => join(parentPath, name))
    .sort();
}

test("an asset that is being worked on is not deleted", async (t) => {
  const { world, worker } = await rawWorld(t);
  const uri = await world.file("a.bin", "a");
  const job = await world.create(uri);
  await worker.complete(await worker.lease(), [json("out", 1)]);
  const { asset } = await world.settled(job);
  await worker.register(manifest("made.two"));
  await world.create(uri);
  await worker.lease({ slots: { "made.two": 1 } });
  await assert.rejects(world.command("AssetService.DeleteAsset", { asset }), refusedAs("ASSET_BUSY"));
});

test("the index is made anew from sidecars alone, and what cannot be read is named", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), listen()]);
  const jobs = [];
  for (const text of ["the harbour at dawn", "the harbour at night", "the desert"])
    jobs.push(await world.index(await world.file(`${text}.json`, film({ said: [{ at: 0, text }] }))));
  for (const { asset } of jobs) await world.indexed(asset);
  const found = async () => {
    const scored = await world.ports.index.searchText("spoken", analyze("harbour"), { tenant: TENANT }, 10);
    return scored.map(({ row, score }) => ({ row, score })).sort((a, b) => (a.row.id < b.row.id ? -1 : 1));
  };
  const before = await found();
  assert.equal(before.length, 2);
  await world.ports.index.clear();
  for (const { id } of await world.all("cache"))
    await world.ports.catalog.write([{ op: "delete", collection: "cache", id }]);
  const result = await world.command<{ assets: number; moments: number }>("SystemService.Reindex", {});
  assert.deepEqual([result.assets, result.moments], [3, 3]);
  assert.deepEqual(await found(), before);
  const desert = jobs[2]?.asset as string;
  await writeFile(join(world.folder, "blobs", TENANT, "sidecars", desert, "1.json"), "{");
  const again = await world.command<{ assets: number; failures: string[] }>("SystemService.Reindex", {});
  assert.equal(again.assets, 2);
  assert.match(again.failures[0] ?? "", new RegExp(`^${desert} \\(the desert\\.json\\): `));
  assert.deepEqual(
    (await found()).map(({ row }) => row),
    before.map(({ row }) => row),
  );
});
