import assert from "node:assert/strict";
import { test } from "node:test";
import type { FieldFilter } from "@heimdex/ports";
import { fieldKey } from "@heimdex/search";
import { itemId } from "@heimdex/sidecar";
import { type AnyStage, customLayer, defineStage, source } from "@heimdex/stage-sdk";
import { z } from "zod";
import { film, note, probe, type Runs } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

const KIND = "org.example.mood";
const key = (...path: string[]) => fieldKey({ kind: KIND, path, search: "facet" });

type Marks = Readonly<Partial<Record<"remark" | "light" | "lufs", "text" | "facet" | "number" | "none">>>;

/** Marks what the layer has to be searched; nothing else differs between versions. */
function mood(runs: Runs, version: string, marks: Marks): AnyStage {
  const mark = (name: keyof Marks) => (marks[name] === undefined ? {} : { "x-heimdex-search": marks[name] });
  const fields = {
    remark: z.string().meta(mark("remark")),
    light: z.string().meta(mark("light")),
    tone: z.object({ lufs: z.number().meta(mark("lufs")) }),
  };
  return defineStage({
    name: KIND,
    version,
    behaviour: 1,
    description: "Says what mood it is in.",
    inputs: { source: source() },
    outputs: { mood: customLayer(KIND, fields) },
    async run({ asset }) {
      note(runs, KIND);
      const item = (at: number, remark: string, light: string, lufs: number) => ({
        ...{ id: itemId("mood", asset, KIND, at), start_ms: at, end_ms: at + 500, remark, light, tone: { lufs } },
      });
      const items = [item(1_000, "thunderous", "day", -10), item(2_000, "calm", "night", -60)];
      return { mood: { kind: KIND, version: 1, items } };
    },
  });
}

async function found(world: World, ...fields: readonly FieldFilter[]): Promise<string[]> {
  const { rows } = await world.ports.index.list({ tenant: TENANT, fields }, 0, 10);
  return rows.map(({ asset }) => asset);
}

async function said(world: World, word: string): Promise<string[]> {
  const hits = await world.ports.index.searchText("custom", [word], { tenant: TENANT }, 10);
  return hits.map(({ row }) => row.asset);
}

test("a custom layer is found by its text, its facets and its numbers, as its schema marks them", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  await world.serve([probe(), mood(runs, "1.0.0", { remark: "text", light: "facet", lufs: "number" })]);
  const { asset } = await world.index(await world.file("a.json", film()));
  await world.indexed(asset);
  assert.deepEqual(await said(world, "thunder"), [asset]);
  assert.deepEqual(await found(world, { field: key("light"), values: ["night"] }), [asset]);
  assert.deepEqual(await found(world, { field: key("light"), values: ["dusk"] }), []);
  assert.deepEqual(await found(world, { field: key("tone", "lufs"), ranges: [{ min: -10 }] }), [asset]);
  assert.deepEqual(await found(world, { field: key("tone", "lufs"), ranges: [{ min: -50, max: -20 }] }), []);
  assert.deepEqual(await found(world, { field: key("remark"), values: ["calm"] }), []);
});

test("a new version that marks other fields re-indexes the assets that have the layer, and runs no stage", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  let stop = await world.serve([probe(runs)]);
  const without = await world.index(await world.file("before.json", film({ salt: "before" })));
  await world.indexed(without.asset);
  await stop();
  stop = await world.serve([probe(runs), mood(runs, "1.0.0", { remark: "text" })]);
  const { asset } = await world.index(await world.file("a.json", film()));
  await world.indexed(asset);
  assert.deepEqual(await said(world, "thunder"), [asset]);
  assert.deepEqual(await found(world, { field: key("light"), values: ["night"] }), []);
  const ran = Object.fromEntries(runs);
  const untouched = await world.ports.catalog.get("assets", without.asset);
  await stop();
  stop = await world.serve([probe(runs), mood(runs, "1.1.0", { light: "facet", lufs: "number" })]);
  await world.until(
    async () => ((await found(world, { field: key("light"), values: ["night"] })).length > 0 ? true : undefined),
    "the facet can be filtered by",
  );
  assert.deepEqual(await found(world, { field: key("tone", "lufs"), ranges: [{ below: -59 }] }), [asset]);
  assert.deepEqual(await said(world, "thunder"), []);
  const indexed = await world.indexed(asset);
  assert.equal(indexed.sidecarRevision, 1);
  assert.deepEqual(Object.fromEntries(runs), ran);
  assert.equal((await world.all("jobs")).length, 2);
  assert.deepEqual(await world.ports.catalog.get("assets", without.asset), untouched);
  // The same marks again, in a version of its own, leave the rows as they are.
  const before = await world.ports.catalog.get("assets", asset);
  await stop();
  await world.serve([probe(runs), mood(runs, "1.2.0", { light: "facet", lufs: "number" })]);
  await world.restart();
  assert.deepEqual(await world.ports.catalog.get("assets", asset), before);
});

test("a change of marks that nobody followed yet, as the host was killed, is followed at the next start", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  const stop = await world.serve([probe(runs), mood(runs, "1.0.0", {})]);
  const { asset } = await world.index(await world.file("a.json", film()));
  await world.indexed(asset);
  await stop();
  await world.stop();
  // As a killed host leaves it: the stage is registered, the index as it was.
  const stored = await world.ports.catalog.get<Record<string, string>>("meta", "custom-markings");
  assert.ok(stored);
  await world.start();
  await world.serve([probe(runs), mood(runs, "1.1.0", { light: "facet" })]);
  await world.until(
    async () => ((await found(world, { field: key("light"), values: ["day"] })).length > 0 ? true : undefined),
    "the facet can be filtered by",
  );
  await world.stop();
  await world.ports.catalog.write([
    { op: "put", collection: "meta", id: "custom-markings", terms: [], sort: "", body: stored.body },
  ]);
  const [row] = (await world.ports.index.list({ tenant: TENANT }, 0, 1)).rows;
  assert.ok(row);
  const blank = { ...row, facets: new Map(), vectors: new Map() };
  await world.ports.index.replaceAssets([{ tenant: TENANT, asset, revision: row.revision, rows: [blank] }]);
  assert.deepEqual(await found(world, { field: key("light"), values: ["day"] }), []);
  await world.start();
  await world.until(
    async () => ((await found(world, { field: key("light"), values: ["day"] })).length > 0 ? true : undefined),
    "the index follows",
  );
});
