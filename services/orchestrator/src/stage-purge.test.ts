import assert from "node:assert/strict";
import { test } from "node:test";
import { DisableStageResponse } from "@heimdex/contracts/v1/stage";
import { DISABLED, type Job, type StageRecord } from "@heimdex/kernel";
import { COLLECTIONS } from "@heimdex/ports";
import { analyze } from "@heimdex/search";
import { checkSidecar, type KeyframeItem, layersOf } from "@heimdex/sidecar";
import { type AnyStage, bytes, defineStage, many, mediaFacts } from "@heimdex/stage-sdk";
import { blobReferences } from "./stage-layers.ts";
import { Cut } from "./testing/cut.ts";
import { manifest, port, source } from "./testing/raw-worker.ts";
import { counting, film, listen, loudness, pictures, probe, type Runs } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

const PICTURES = "made.pictures";

/** Puts out the first picture as it is: from then on two refer to it. */
const echo: AnyStage = defineStage({
  name: "made.echo",
  version: "1.0.0",
  behaviour: 1,
  description: "Shows the first picture.",
  inputs: { pictures: many(bytes("image/jpeg", "made.picture")) },
  outputs: { first: bytes("image/jpeg", "made.first") },
  async run({ inputs }) {
    const [first] = inputs.pictures;
    assert.ok(first);
    return { first: { bytes: await first.read() } };
  },
});

const disable = async (world: World, stage: string, dryRun = false) =>
  DisableStageResponse.fromJSON(await world.command("StageService.DisableStage", { stage, dry_run: dryRun }));

const disabled = async (world: World, stage: string) =>
  (await world.ports.catalog.get<StageRecord>("stages", stage))?.body.disabled;

const states = (job: Job) => Object.fromEntries(job.steps.map(({ stage, state }) => [stage, state]));

async function keyframes(world: World, asset: string): Promise<KeyframeItem[]> {
  return layersOf(await world.sidecar(asset), "keyframes").flatMap(({ items }) => items);
}

/** Everything the catalog and the sidecars hold, as text. */
async function written(world: World, assets: readonly string[]): Promise<string> {
  const { catalog, blobs } = world.ports;
  const found: string[] = [];
  for (const collection of COLLECTIONS)
    found.push(...(await catalog.find({ collection, limit: 1000 })).map(({ body }) => JSON.stringify(body)));
  for (const asset of assets)
    for (const name of await blobs.listNamed(TENANT, `sidecars/${asset}/`, undefined, 1000)) {
      const sidecar = JSON.parse(Buffer.from((await blobs.getNamed(TENANT, name)) ?? []).toString());
      found.push(JSON.stringify([...blobReferences(sidecar).keys()])); // digests of what runs read are no references
    }
  return found.join("\n");
}

async function present(world: World, items: readonly KeyframeItem[]): Promise<string[]> {
  const found: string[] = [];
  for (const { image } of items) {
    const { sha256, size } = image as { sha256: string; size: number };
    if (await world.ports.blobs.has({ tenant: TENANT, sha256, size })) found.push(sha256);
  }
  return found;
}

test("a disabled stage leaves nothing behind but what others refer to, stays off, and makes it anew once enabled", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  const serve = () => world.serve([probe(), listen(), pictures(12, 5_000, runs), counting(), echo]);
  let stop = await serve();
  const uris = await Promise.all(["a", "b"].map((name) => world.file(`${name}.json`, film({ salt: name }))));
  const jobs = await Promise.all(uris.map((uri) => world.index(uri)));
  const assets = jobs.map(({ asset }) => asset);
  for (const asset of assets) await world.indexed(asset);
  const made = (await Promise.all(assets.map((asset) => keyframes(world, asset)))).flat();
  assert.equal((await present(world, made)).length, 24);
  const before = await disable(world, PICTURES, true);
  const { blobs: lost, bytes: size, ...counts } = before.removed ?? { blobs: 0, bytes: 0 };
  assert.deepEqual(counts, { assets: 2, layers: 2, items: 24, results: 2 });
  assert.ok(lost >= 22 && size >= 22 * 5_000);
  assert.equal((await present(world, made)).length, 24, "only looked");
  assert.equal(await disabled(world, PICTURES), undefined);

  const { removed, jobsUnderWay } = await disable(world, PICTURES);
  assert.deepEqual([removed, jobsUnderWay], [before.removed, 0], "what was said is what went");
  assert.equal((await disabled(world, PICTURES))?.isPurging, false);
  const stays = await present(world, made);
  assert.equal(stays.length, 2, "the two that another stage put out as well");
  const all = await written(world, assets);
  for (const { image } of made) {
    const { sha256 } = image as { sha256: string };
    if (!stays.includes(sha256)) assert.ok(!all.includes(sha256), `${sha256} is still named`);
  }
  for (const asset of assets) {
    await world.indexed(asset);
    const sidecar = await world.sidecar(asset);
    assert.deepEqual(checkSidecar(sidecar), []);
    assert.deepEqual(layersOf(sidecar, "keyframes"), []);
    const run = sidecar.runs.find(({ stage }) => stage === PICTURES);
    assert.deepEqual([run?.status, run?.reason], ["SKIPPED", DISABLED]);
    assert.equal(layersOf(sidecar, "transcript").length, 1, "others' layers stay");
  }

  await stop();
  await world.restart();
  stop = await serve();
  const again = await world.index(uris[0] as string);
  assert.deepEqual(states(again), {
    "made.probe": "CACHED",
    "made.listen": "CACHED",
    "made.pictures": "SKIPPED",
    "made.count": "OK",
    "made.echo": "SKIPPED",
  });
  assert.equal((await world.step(again.id, PICTURES)).reason, DISABLED);
  assert.match((await world.step(again.id, "made.echo")).reason, /^UPSTREAM_SKIPPED: .*DISABLED/);

  await world.command("StageService.EnableStage", { stage: PICTURES });
  assert.equal(states(await world.index(uris[0] as string))[PICTURES], "OK");
  assert.equal(runs.get(PICTURES), 3);
  assert.equal((await present(world, await keyframes(world, assets[0] as string))).length, 12);
  await assert.rejects(disable(world, "made.nothing"), { id: "NOT_FOUND" });
  await stop();
});

test("what a disabled stage wrote is found no more", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), loudness()]);
  const { asset } = await world.index(await world.file("a.json", film()));
  await world.indexed(asset);
  const search = async () =>
    (await world.ports.index.searchText("custom", analyze("thunderous"), { tenant: TENANT }, 10)).length;
  assert.equal(await search(), 1);
  await disable(world, "org.example.loudness");
  assert.equal(await search(), 0);
  await world.command("SystemService.Reindex", {});
  assert.equal(await search(), 0);
});

test("the poster stands in the sidecar, and goes with the stage that made it", async (t) => {
  const world = await World.open(t);
  const poster = defineStage({
    name: "made.poster",
    version: "1.0.0",
    behaviour: 1,
    description: "Takes one picture.",
    inputs: { media: mediaFacts() },
    outputs: { poster: bytes("image/jpeg", "heimdex.poster") },
    run: async () => ({ poster: { bytes: Buffer.alloc(5_000, 7) } }),
  });
  await world.serve([probe(), listen(), poster]);
  const { asset } = await world.index(await world.file("a.json", film()));
  const picture = (await world.sidecar(asset)).asset.poster;
  assert.ok(picture);
  assert.deepEqual([picture.size, picture.media_type], [5_000, "image/jpeg"]);
  const key = { tenant: TENANT, sha256: picture.sha256, size: picture.size };
  assert.ok(await world.ports.blobs.has(key));
  await disable(world, "made.poster");
  assert.equal((await world.sidecar(asset)).asset.poster, undefined);
  assert.ok(!(await world.ports.blobs.has(key)));
});

test("jobs under way end without it: what waits is skipped, what is done goes when they end", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await world.serve([probe(), pictures(3, 5_000), echo]);
  await worker.register(manifest("made.slow", { inputs: [source], outputs: [port("out")] }));
  await worker.register(manifest("made.other", { inputs: [source], outputs: [port("out")] }));
  const job = await world.create(await world.file("a.json", film()));
  const slow = await worker.lease({ slots: { "made.slow": 1 } });
  await world.untilJob(job, (now) => states(now)["made.echo"] === "OK", "has its pictures");
  assert.equal((await disable(world, PICTURES)).jobsUnderWay, 1);
  assert.equal((await disabled(world, PICTURES))?.isPurging, true);
  await disable(world, "made.slow");
  assert.deepEqual((await world.step(job, "made.slow")).state, "SKIPPED");
  await disable(world, "made.other");
  const ended = await world.settled(job);
  assert.equal(ended.state, "SUCCEEDED");
  assert.deepEqual(layersOf(await world.sidecar(ended.asset), "keyframes"), []);
  await world.until(
    async () => ((await disabled(world, PICTURES))?.isPurging === false ? true : undefined),
    "it is gone",
  );
  assert.deepEqual((await world.step(job, PICTURES)).outputs, []);
  assert.ok(slow, "its worker hears of it when it renews or finishes");
});

test("killed between any two writes, the removal goes on at the next start", async (t) => {
  const cut = new Cut();
  const world = await World.open(t, { healEveryMs: 3_600_000 }, cut.wrap);
  const runs: Runs = new Map();
  const serve = () => world.serve([probe(), pictures(9, 5_000, runs), loudness()]);
  const uris = await Promise.all(["a", "b"].map((name) => world.file(`${name}.json`, film({ salt: name }))));
  let stop = await serve();
  let wasCut = true;
  for (let writes = 0; wasCut; writes += writes < 4 ? 1 : 5) {
    const jobs = await Promise.all(uris.map((uri) => world.index(uri)));
    for (const { asset } of jobs) await world.indexed(asset);
    const made = (await Promise.all(jobs.map(({ asset }) => keyframes(world, asset)))).flat();
    assert.equal((await present(world, made)).length, 18);
    await stop();
    cut.after(writes);
    const reply = disable(world, PICTURES);
    await reply.catch(() => {});
    wasCut = cut.mend();
    await world.restart({ healEveryMs: 20 });
    if (writes === 0) await disable(world, PICTURES); // not even the mark was written
    const gone = async () => ((await disabled(world, PICTURES))?.isPurging === false ? true : undefined);
    await world.until(gone, `what was left after ${writes} writes is gone`);
    assert.deepEqual(await present(world, made), [], `after ${writes} writes`);
    const all = await written(
      world,
      jobs.map(({ asset }) => asset),
    );
    for (const { image } of made)
      assert.ok(!all.includes((image as { sha256: string }).sha256), `after ${writes} writes`);
    await world.command("StageService.EnableStage", { stage: PICTURES });
    await world.restart();
    stop = await serve();
  }
  assert.ok((runs.get(PICTURES) ?? 0) > 8, "it was cut at several places");
});
