import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { followIndexFormat } from "./index-format.ts";
import { film, listen, probe, split } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

test("an index that another program filled is filled again by itself, at the next start and once", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), listen(), split()]);
  const jobs = [await world.index(await world.file("a.json", film({ durationMs: 4_000 })))];
  jobs.push(await world.index(await world.file("b.json", film({ durationMs: 9_000 }))));
  const assets = jobs.map((job) => job.asset);
  for (const asset of assets) await world.indexed(asset);
  const { catalog, index } = world.ports;
  const before = await index.stats(TENANT);
  assert.equal(before.assets, 2);
  // What a newer program finds: a table of its own, with nothing in it.
  await index.clear();
  await catalog.write([
    { op: "put", collection: "meta", id: "index-format", terms: [], sort: "", body: { format: "of old" } },
  ]);
  await world.restart();
  for (const asset of assets) assert.equal((await world.indexed(asset)).indexedRevision, 1);
  const { rows, assets: filled } = await index.stats(TENANT);
  assert.deepEqual({ rows, assets: filled }, { rows: before.rows, assets: 2 });
  assert.equal(await followIndexFormat(catalog, index), 0);
});

test("a rebuild that broke off behind emptying the index is made up for at the next start", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), listen(), split()]);
  const { asset } = await world.index(await world.file("a.json", film({ durationMs: 4_000 })));
  await world.indexed(asset);
  const { index } = world.ports;
  const before = await index.stats(TENANT);
  const broken = t.mock.method(index, "replaceAssets", () =>
    Promise.reject(new HeimdexError("INDEX_UNAVAILABLE", "gone")),
  );
  await assert.rejects(world.command("SystemService.Reindex", {}), /gone/);
  broken.mock.restore();
  assert.equal((await index.stats(TENANT)).assets, 0);
  await world.restart();
  await world.indexed(asset);
  assert.equal((await index.stats(TENANT)).rows, before.rows);
});
