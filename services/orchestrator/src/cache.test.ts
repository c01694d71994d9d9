import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { test } from "node:test";
import type { CacheEntry, Job } from "@heimdex/kernel";
import type { KeyframeItem } from "@heimdex/sidecar";
import { counting, film, listen, pictures, probe, type Runs, split } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

const states = (job: Job) => Object.fromEntries(job.steps.map(({ stage, state }) => [stage, state]));

test("a stage that changed and put out the same stops the cascade; one that put out something else does not", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  const uri = await world.file("a.json", film({ said: [{ at: 0, text: "good morning" }] }));
  let stop = await world.serve([probe(runs), listen(runs), split(runs)]);
  assert.equal((await world.index(uri)).state, "SUCCEEDED");
  await stop();
  stop = await world.serve([probe(runs), listen(runs, 2), split(runs)]);
  const again = await world.index(uri);
  assert.deepEqual(states(again), { "made.probe": "CACHED", "made.listen": "OK", "made.split": "CACHED" });
  assert.deepEqual(Object.fromEntries(runs), { "made.probe": 1, "made.listen": 2, "made.split": 1 });
  const other = await world.index(await world.file("b.json", film({ said: [{ at: 0, text: "good night" }] })));
  assert.deepEqual(states(other), { "made.probe": "OK", "made.listen": "OK", "made.split": "OK" });
});

test("a result whose bytes are gone is a miss: also when only one picture of a list is", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  await world.serve([probe(runs), pictures(12, 5_000, runs), counting(runs)]);
  const uri = await world.file("a.json", film());
  const first = await world.index(uri);
  assert.deepEqual(states(first), { "made.probe": "OK", "made.pictures": "OK", "made.count": "OK" });
  const step = await world.step(first.id, "made.pictures");
  assert.deepEqual(
    step.outputs.map(({ port, list }) => [port, list]),
    [
      ["pictures", 12],
      ["keyframes", undefined],
    ],
  );
  const keyframes = (await world.sidecar(first.asset)).layers[0]?.items as KeyframeItem[];
  const image = keyframes[7]?.image;
  assert.ok(image);
  const { sha256, size } = image;
  await world.ports.blobs.delete({ tenant: TENANT, sha256, size });
  const again = await world.index(uri);
  assert.deepEqual(states(again), { "made.probe": "CACHED", "made.pictures": "OK", "made.count": "CACHED" });
  assert.ok(await world.ports.blobs.has({ tenant: TENANT, sha256, size }));
  assert.equal(runs.get("made.pictures"), 2);
});

test("two thousand pictures fit the job's document, the lease and the sidecar", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), pictures(2_000, 100), counting()]);
  const job = await world.index(await world.file("a.json", film()));
  assert.equal(job.state, "SUCCEEDED", job.reason);
  assert.ok(JSON.stringify(job).length < 64_000);
  assert.equal((await world.sidecar(job.asset)).layers[0]?.items.length, 2_000);
  const counted = (await world.step(job.id, "made.count")).outputs[0]?.inline ?? "";
  assert.deepEqual(JSON.parse(Buffer.from(counted, "base64").toString()), {
    pictures: 2_000,
    bytes: 200_000,
    beside: [],
  });
});

test("what lies beside a film is read with it, and another neighbour is another input", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  await world.serve([counting(runs)]);
  const uri = await world.file("film.json", film());
  const read = async (job: Job) => {
    const inline = (await world.step(job.id, "made.count")).outputs[0]?.inline ?? "";
    return (JSON.parse(Buffer.from(inline, "base64").toString()) as { beside: string[] }).beside;
  };
  await world.file("filmed.srt", "of another film");
  assert.deepEqual(await read(await world.index(uri)), []);
  await world.file("film.en.srt", "1\n");
  await world.file("film.vtt", "WEBVTT\n");
  await world.file("film.txt", "no subtitles");
  assert.deepEqual(await read(await world.index(uri)), ["film.en.srt", "film.vtt"]);
  assert.deepEqual(states(await world.index(uri)), { "made.count": "CACHED" });
  await world.file("film.en.srt", "2\n");
  assert.deepEqual(states(await world.index(uri)), { "made.count": "OK" });
  await rm(world.path("film.en.srt"));
  assert.deepEqual(await read(await world.index(uri)), ["film.vtt"]);
  assert.equal(runs.get("made.count"), 4);
});

test("a salt drops all results; another tenant shares none", async (t) => {
  const world = await World.open(t, { sourceRoots: ["/"] });
  const runs: Runs = new Map();
  const uri = await world.file("a.json", film());
  await world.serve([probe(runs)]);
  await world.index(uri);
  const { job } = await world.command<{ job: string }>("JobService.CreateJob", { source_uri: uri }, "other");
  assert.deepEqual(states(await world.settled(job)), { "made.probe": "OK" });
  await world.restart({ salt: "pepper" });
  await world.serve([probe(runs)]);
  assert.deepEqual(states(await world.index(uri)), { "made.probe": "OK" });
  assert.equal(runs.get("made.probe"), 3);
});

test("a result that two assets use stays until the second is deleted", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  await world.serve([probe(runs), listen(runs), split(runs)]);
  // Nothing said: both transcripts are the same bytes, so the words behind them are one result.
  const [one, two] = [
    await world.index(await world.file("a.json", film({ salt: "a" }))),
    await world.index(await world.file("b.json", film({ salt: "b" }))),
  ];
  assert.equal(runs.get("made.split"), 1);
  assert.notEqual(one.asset, two.asset);
  const key = (await world.step(two.id, "made.split")).key;
  await world.indexed(one.asset);
  await world.command("AssetService.DeleteAsset", { asset: one.asset });
  assert.equal((await world.ports.catalog.get<CacheEntry>("cache", key))?.body.asset, two.asset);
  await world.indexed(two.asset);
  await world.command("AssetService.DeleteAsset", { asset: two.asset });
  assert.deepEqual(await world.all("cache"), []);
});
