import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { type SpaceRecord, spaceProgress, spaceRecordId } from "@heimdex/kernel";
import { checkSidecar, layersOf } from "@heimdex/sidecar";
import { Cut } from "./testing/cut.ts";
import { embed, type MadeModel, madeModel, vectorOf } from "./testing/embedders.ts";
import { film, listen, probe, type Runs } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

const OLD = madeModel("old", 2);
const NEW = madeModel("new", 3);
const THIRD = madeModel("third", 4);
const MODELS = new Map([OLD, NEW, THIRD].map((model) => [model.space, model]));

async function spaces(world: World): Promise<SpaceRecord> {
  const record = await world.ports.catalog.get<SpaceRecord>("meta", spaceRecordId(TENANT, "text"));
  assert.ok(record, "no space of texts is known");
  return record.body;
}

/** Assets that a query finds by its meaning, as the gateway asks: in the space that serves. */
async function search(world: World, text: string): Promise<{ model: string; assets: string[] }> {
  const { serving } = await spaces(world);
  const model = MODELS.get(serving.space) as MadeModel;
  const filter = { tenant: TENANT };
  const found = await world.ports.index.searchVector(serving.space, vectorOf(model, text), filter, 100);
  const near = found.filter(({ score }) => score > 0.5);
  return { model: model.id, assets: [...new Set(near.map(({ row }) => row.asset))].sort() };
}

const progress = async (world: World) =>
  spaceProgress(await spaces(world), (term) => world.ports.catalog.count("assets", term));

const states = async (world: World) => {
  const { serving, filling } = await spaces(world);
  return [serving.model, filling?.model];
};

/** Searches all the time until the test says stop: everything that is about water is found at every moment, by one model. */
function searchOn(t: TestContext, world: World, assets: readonly string[]): { stop(): Promise<string[]> } {
  let isOver = false;
  const models: string[] = [];
  const running = (async () => {
    while (!isOver) {
      const { model, assets: found } = await search(world, "a boat");
      assert.deepEqual(found, [...assets].sort(), `answered by ${model}`);
      if (models.at(-1) !== model) models.push(model);
      await delay(1);
    }
  })();
  running.catch(() => {}); // awaited below
  t.after(() => {
    isOver = true;
  });
  return {
    async stop() {
      isOver = true;
      await running;
      return models;
    },
  };
}

async function films(world: World, count: number): Promise<string[]> {
  const said = (index: number) => (index % 2 === 0 ? "a boat in the harbour" : "a mountain in winter");
  return Promise.all(
    Array.from({ length: count }, (_, index) =>
      world.file(`${index}.json`, film({ salt: String(index), said: [{ at: 0, text: said(index) }] })),
    ),
  );
}

async function indexAll(world: World, uris: readonly string[]): Promise<string[]> {
  const jobs = await Promise.all(uris.map((uri) => world.index(uri)));
  for (const { asset } of jobs) await world.indexed(asset);
  return jobs.map(({ asset }) => asset);
}

test("while a new model fills its space the old one answers; then it is switched over and the old one goes", async (t) => {
  const world = await World.open(t, { leaveAfterMs: 100 });
  let stop = await world.serve([probe(), listen(), embed(OLD)]);
  const uris = await films(world, 6);
  const assets = await indexAll(world, uris);
  const wet = assets.filter((_, index) => index % 2 === 0);
  assert.deepEqual(await states(world), ["old", undefined]);
  const searches = searchOn(t, world, wet);
  await stop();
  stop = await world.serve([probe(), listen(), embed(NEW)]);
  await indexAll(world, uris.slice(0, 3));
  assert.deepEqual(await states(world), ["old", "new"]);
  assert.deepEqual(await progress(world), { done: 3, toDo: 3, failed: 0 });
  const rolling = await world.sidecar(wet[0] as string);
  assert.deepEqual(checkSidecar(rolling), []);
  assert.deepEqual(
    layersOf(rolling, "embeddings").map(({ run, space }) => [run.split("@")[0], run.includes("@"), space?.model]),
    [
      ["run_made.embed", false, "new"],
      ["run_made.embed", true, "old"],
    ],
  );
  assert.deepEqual(
    rolling.runs.filter(({ stage }) => stage === "made.embed").map(({ kept, models }) => [kept, models?.[0]?.id]),
    [
      [undefined, "new"],
      [true, "old"],
    ],
  );
  // In the middle of it: the host goes and comes back, another film comes in.
  await world.restart();
  stop = await world.serve([probe(), listen(), embed(NEW)]);
  const more = await world.index(
    await world.file("more.json", film({ said: [{ at: 0, text: "fog over the hills" }] })),
  );
  await world.indexed(more.asset);
  assert.deepEqual(await states(world), ["old", "new"]);
  await indexAll(world, uris.slice(3));
  await world.until(async () => ((await states(world))[0] === "new" ? true : undefined), "the new model serves");
  await world.until(async () => {
    const { leaving } = await spaces(world);
    return leaving.length === 0 ? true : undefined;
  }, "the old space is gone");
  assert.deepEqual(await searches.stop(), ["old", "new"]);
  const { spaces: held } = await world.ports.index.stats(TENANT);
  assert.deepEqual([...held.keys()], [NEW.space]);
  assert.deepEqual((await search(world, "snow")).assets.length, 4, "the film that came in between is found as well");
  // The next revision leaves the old layer out.
  await stop();
  await world.serve([probe(), listen(undefined, 2), embed(NEW)]);
  await indexAll(world, uris.slice(0, 1));
  assert.deepEqual(
    layersOf(await world.sidecar(assets[0] as string), "embeddings").map(({ space }) => space?.model),
    ["new"],
  );
});

test("in the middle of it the index is built anew from the sidecars: the old model answers as before", async (t) => {
  const world = await World.open(t, { leaveAfterMs: 0 });
  const stop = await world.serve([probe(), listen(), embed(OLD)]);
  const uris = await films(world, 4);
  const assets = await indexAll(world, uris);
  const before = await search(world, "a boat");
  await stop();
  await world.serve([probe(), listen(), embed(NEW)]);
  await indexAll(world, uris.slice(0, 3));
  await world.command("SystemService.Reindex", {});
  assert.deepEqual(await search(world, "a boat"), before);
  const { spaces: held } = await world.ports.index.stats(TENANT);
  assert.deepEqual(Object.fromEntries(held), { [OLD.space]: 4, [NEW.space]: 3 });
  await indexAll(world, uris.slice(3));
  await world.until(async () => ((await states(world))[0] === "new" ? true : undefined), "the new model serves");
  assert.deepEqual(await search(world, "a boat"), { model: "new", assets: before.assets });
  await world.command("SystemService.Reindex", {});
  assert.deepEqual([...(await world.ports.index.stats(TENANT)).spaces.keys()], [NEW.space], "sidecars still hold both");
  assert.equal(layersOf(await world.sidecar(assets[0] as string), "embeddings").length, 2);
});

test("what has no vector in the new space, fails in it or is nowhere to be read holds nothing up", async (t) => {
  const world = await World.open(t, { leaveAfterMs: 0 });
  let stop = await world.serve([probe(), listen(), embed(OLD)]);
  const say = (name: string, text: string) => world.file(name, film({ salt: name, said: [{ at: 0, text }] }));
  const fine = await say("fine.json", "a boat");
  const empty = await say("empty.json", "wordless for new, the sea");
  const failing = await say("failing.json", "unspeakable for new, a boat");
  const lost = await say("lost.json", "the harbour");
  const assets = await indexAll(world, [fine, empty, failing, lost]);
  const all = { model: "old", assets: [...assets].sort() };
  await stop();
  stop = await world.serve([probe(), listen(), embed(NEW)]);
  const failed = await world.index(failing);
  assert.equal(failed.state, "PARTIAL");
  await world.indexed(failed.asset);
  const sidecar = await world.sidecar(failed.asset);
  assert.deepEqual(
    sidecar.runs.filter(({ stage }) => stage === "made.embed").map(({ status, kept }) => [status, kept]),
    [
      ["FAILED", undefined],
      ["OK", true],
    ],
    "failed now, and there is an older result",
  );
  assert.deepEqual(checkSidecar(sidecar), []);
  assert.deepEqual(await states(world), ["old", undefined], "nothing has come in yet");
  await indexAll(world, [fine]);
  assert.deepEqual(await progress(world), { done: 1, toDo: 2, failed: 1 });
  await indexAll(world, [empty]);
  assert.deepEqual(await progress(world), { done: 2, toDo: 1, failed: 1 });
  assert.deepEqual(await search(world, "a boat"), all);
  await rm(world.path("lost.json"));
  assert.equal((await world.index(lost)).state, "FAILED");
  await world.until(async () => ((await states(world))[0] === "new" ? true : undefined), "the new model serves");
  assert.deepEqual((await search(world, "a boat")).assets, [assets[0]]);
  await stop();
});

test("a model that fails more often than it manages does not take over", async (t) => {
  const world = await World.open(t);
  const stop = await world.serve([probe(), listen(), embed(OLD)]);
  const uris = await Promise.all(
    ["a boat", "unspeakable for new", "and unspeakable for new"].map((text, index) =>
      world.file(`${index}.json`, film({ said: [{ at: 0, text }] })),
    ),
  );
  await indexAll(world, uris);
  await stop();
  await world.serve([probe(), listen(), embed(NEW)]);
  await indexAll(world, uris);
  await world.restart();
  assert.deepEqual(await states(world), ["old", "new"]);
  assert.deepEqual(await progress(world), { done: 1, toDo: 0, failed: 2 });
});

test("back to the old model, and on to a third: what was being filled is given up, and nothing is lost by it", async (t) => {
  const world = await World.open(t, { leaveAfterMs: 0 });
  const runs: Runs = new Map();
  const uris = await films(world, 4);
  const use = async (model: MadeModel) => world.serve([probe(), listen(), embed(model, runs)]);
  const gone = (space: string) =>
    world.until(
      async () => ((await world.ports.index.stats(TENANT)).spaces.has(space) ? undefined : true),
      "a space has left",
    );
  let stop = await use(OLD);
  const assets = await indexAll(world, uris);
  const wet = [assets[0], assets[2]].sort();
  const before = { model: "old", assets: wet };
  await stop();
  stop = await use(NEW);
  await indexAll(world, uris.slice(0, 2));
  await stop();
  stop = await use(OLD);
  await indexAll(world, uris.slice(0, 1));
  assert.deepEqual(await states(world), ["old", undefined]);
  await gone(NEW.space);
  assert.deepEqual(await search(world, "a boat"), before);
  await stop();
  stop = await use(THIRD);
  await indexAll(world, uris.slice(0, 1));
  assert.deepEqual(await states(world), ["old", "third"]);
  await stop();
  stop = await use(NEW);
  // The second film had been brought over already, and its sidecar has not changed since: its vectors come back into the index.
  await indexAll(world, uris.slice(2));
  await gone(THIRD.space);
  assert.deepEqual(await search(world, "a boat"), before);
  await indexAll(world, uris.slice(0, 1));
  await world.until(async () => ((await states(world))[0] === "new" ? true : undefined), "the new model serves");
  assert.deepEqual(await search(world, "a boat"), { model: "new", assets: wet });
  assert.equal((await search(world, "snow")).assets.length, 2);
  assert.equal(runs.get("made.embed new"), 4, "nothing ran twice");
  await stop();
});

test("killed between any two writes of the roll-over, the next start goes on, and search is never without an answer", async (t) => {
  const cut = new Cut();
  // Nothing heals but the next start: what is cut stays as it is until then.
  const world = await World.open(t, { healEveryMs: 3_600_000, leaveAfterMs: 0 }, cut.wrap);
  const uris = await films(world, 2);
  const models = [OLD, NEW];
  let stop = await world.serve([probe(), listen(), embed(OLD)]);
  const assets = await indexAll(world, uris);
  await stop();
  const wet = [assets[0]];
  let wasCut = true;
  for (let writes = 0, round = 1; wasCut; round++, writes++) {
    const [from, to] = [models[(round + 1) % 2], models[round % 2]] as [MadeModel, MadeModel];
    stop = await world.serve([probe(), listen(), embed(to)]);
    await indexAll(world, uris.slice(0, 1));
    assert.deepEqual(await states(world), [from.id, to.id], `round ${round}`);
    cut.after(writes);
    await world.create(uris[1] as string).catch(() => {});
    const switched = async () => (await states(world))[0] === to.id;
    await world.until(async () => (cut.isCut || (await switched()) ? true : undefined), "it is killed or done");
    wasCut = cut.mend();
    await stop();
    await world.stop();
    assert.deepEqual((await search(world, "a boat")).assets, wet, `after ${writes} writes`);
    await world.start({ healEveryMs: 20 });
    stop = await world.serve([probe(), listen(), embed(to)]);
    await world.create(uris[1] as string);
    const searches = searchOn(t, world, wet as string[]);
    await world.until(async () => ((await switched()) ? true : undefined), `${to.id} serves after ${writes} writes`);
    await world.until(async () => ((await spaces(world)).leaving.length === 0 ? true : undefined), "the other is gone");
    await searches.stop();
    assert.deepEqual([...(await world.ports.index.stats(TENANT)).spaces.keys()], [to.space], `after ${writes} writes`);
    await stop();
    await world.restart();
  }
});
