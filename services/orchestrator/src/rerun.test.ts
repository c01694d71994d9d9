import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { test } from "node:test";
import type { RerunAssetsResponse } from "@heimdex/contracts/v1/job";
import {
  type CacheEntry,
  type Job,
  PLANS_ID,
  type PlansRecord,
  planTerm,
  presentTerm,
  upToDatePlans,
} from "@heimdex/kernel";
import { defineStage, json, StageFailure, source } from "@heimdex/stage-sdk";
import { z } from "zod";
import { counting, film, listen, note, probe, type Runs, split } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

const states = (job: Job) => Object.fromEntries(job.steps.map(({ stage, state }) => [stage, state]));
const causes = (job: Job) =>
  Object.fromEntries(job.steps.flatMap(({ stage, cause }) => (cause === undefined ? [] : [[stage, cause]])));

type Reply = Partial<Record<keyof RerunAssetsResponse, unknown>> & {
  reruns?: { asset: string; job?: string }[];
  stages?: Record<string, unknown>[];
  upToDate?: number;
  nextPageToken?: string;
};
const rerun = (world: World, request: object = {}) => world.command<Reply>("JobService.RerunAssets", request);

/** What a reply says of each stage: counts that are not 0, and causes. */
function forecast({ stages = [] }: Reply) {
  return Object.fromEntries(
    stages.map(({ stage, estimateMs: _, samples: __, causes: why, ...counts }) => [
      stage,
      { ...counts, ...(why === undefined ? {} : { why: (why as { why: string }[]).map((each) => each.why) }) },
    ]),
  );
}

async function stale(world: World): Promise<number> {
  const plans = (await world.ports.catalog.get<PlansRecord>("meta", PLANS_ID))?.body;
  assert.ok(plans);
  const present = await world.ports.catalog.count("assets", presentTerm(TENANT));
  const done = await Promise.all(
    [...upToDatePlans(plans)].map((digest) => world.ports.catalog.count("assets", planTerm(TENANT, digest))),
  );
  return done.reduce((left, count) => left - count, present);
}

/** Reads the film as the listener does, with a setting, and a model that the worker has. */
function tuned(runs: Runs, model: string, loud: boolean) {
  return defineStage({
    name: "made.tuned",
    version: "1.0.0",
    behaviour: 1,
    description: "Does as it is set.",
    inputs: { source: source() },
    outputs: { note: json("made.note", z.object({ note: z.string() })) },
    config: z.object({ loud: z.boolean().default(false), language: z.string().default("en") }),
    probe: async () => ({
      available: true as const,
      models: [{ id: model, sha256: model.repeat(64).slice(0, 64), licence: "MIT" }],
    }),
    async run({ config }) {
      note(runs, "made.tuned");
      return { note: { note: `${config.loud || loud}` } };
    },
  });
}

test("rerun works on stale assets alone, says per stage what it will do and why, and is done then", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  let stop = await world.serve([probe(runs), listen(runs)]);
  const said = await world.index(await world.file("a.json", film({ said: [{ at: 0, text: "good morning" }] })));
  const silent = await world.index(await world.file("b.json", film({ streams: ["video"] })));
  const lost = await world.index(await world.file("c.json", film({ salt: "c" })));
  assert.equal(await stale(world), 0);
  assert.deepEqual(await rerun(world), { upToDate: 3, stages: (await rerun(world)).stages });
  await rm(world.path("c.json"));
  await world.index(lost.sourceUri); // finds that it is gone
  await stop();
  stop = await world.serve([probe(runs), listen(runs, 2), split(runs)]);
  await world.until(async () => ((await stale(world)) === 2 ? true : undefined), "two assets are stale");
  const dry = await rerun(world, { dry_run: true });
  assert.deepEqual(
    dry.reruns?.map(({ asset, job }) => [asset, job]).sort(),
    [
      [said.asset, undefined],
      [silent.asset, undefined],
    ].sort(),
  );
  assert.deepEqual([dry.upToDate, dry.missing], [undefined, 1]);
  assert.deepEqual(forecast(dry), {
    "made.probe": { cached: 2 },
    "made.listen": { run: 1, skipped: 1, why: ["behaviour 2 instead of 1 (version 1.0.2, was 1.0.1)"] },
    "made.split": { skipped: 1, unknown: 1 },
  });
  assert.equal((await world.all("jobs")).length, 4);
  assert.equal(runs.get("made.listen"), 2);
  const listening = dry.stages?.find(({ stage }) => stage === "made.listen");
  assert.equal(listening?.samples, 2);
  const { reruns = [] } = await rerun(world);
  for (const { job } of reruns) await world.settled(job as string);
  const job = await world.job(reruns.find(({ asset }) => asset === said.asset)?.job as string);
  assert.deepEqual(states(job), { "made.probe": "CACHED", "made.listen": "OK", "made.split": "OK" });
  assert.deepEqual(causes(job), {
    "made.listen": "behaviour 2 instead of 1 (version 1.0.2, was 1.0.1)",
    "made.split": "it has not run on this asset before",
  });
  assert.equal(await stale(world), 0);
  assert.deepEqual((await rerun(world)).reruns, undefined);
});

test("assets can be named, come in pages, and a repeated request makes no second job", async (t) => {
  const world = await World.open(t);
  let stop = await world.serve([probe()]);
  const assets: string[] = [];
  for (const salt of ["a", "b", "c"]) assets.push((await world.index(await world.file(salt, film({ salt })))).asset);
  assets.sort();
  await stop();
  stop = await world.serve([probe(undefined, 2)]);
  const one = await rerun(world, { dry_run: true, assets: [assets[1]] });
  assert.deepEqual(
    one.reruns?.map(({ asset }) => asset),
    [assets[1]],
  );
  await assert.rejects(rerun(world, { assets: ["a_0"] }), { id: "ASSET_NOT_FOUND" });
  await assert.rejects(world.command("JobService.RerunAssets", { assets }, "other"), { id: "ASSET_NOT_FOUND" });
  await assert.rejects(rerun(world, { stages: ["made.up"] }), { id: "NOT_FOUND" });
  const first = await rerun(world, { dry_run: true, page_size: 2 });
  assert.deepEqual(
    first.reruns?.map(({ asset }) => asset),
    assets.slice(0, 2),
  );
  const second = await rerun(world, { dry_run: true, page_size: 2, page_token: first.nextPageToken });
  assert.deepEqual(
    second.reruns?.map(({ asset }) => asset),
    assets.slice(2),
  );
  assert.equal(second.nextPageToken, undefined);
  await stop(); // so that nothing is done meanwhile
  const asked = { request_id: "r1" };
  const [jobs, again] = [await rerun(world, asked), await rerun(world, asked)];
  assert.deepEqual(again.reruns, jobs.reruns);
  assert.equal((await world.all("jobs")).length, 6);
});

test("a stage can be run again: what it puts out as before stops the cascade, and its result is replaced", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  await world.serve([probe(runs), listen(runs), split(runs)]);
  const uri = await world.file("a.json", film({ said: [{ at: 0, text: "good morning" }] }));
  const first = await world.index(uri);
  const key = (await world.step(first.id, "made.listen")).key;
  const dry = await rerun(world, { dry_run: true, stages: ["made.listen"] });
  assert.deepEqual(forecast(dry), {
    "made.probe": { cached: 1 },
    "made.listen": { run: 1, why: ["it was asked for, whatever is known"] },
    "made.split": { unknown: 1 },
  });
  const [made] = (await rerun(world, { assets: [first.asset], stages: ["made.listen"] })).reruns ?? [];
  const job = await world.settled(made?.job as string);
  assert.deepEqual(states(job), { "made.probe": "CACHED", "made.listen": "OK", "made.split": "CACHED" });
  assert.deepEqual(causes(job), { "made.listen": "it was asked for, whatever is known" });
  assert.deepEqual(Object.fromEntries(runs), { "made.probe": 1, "made.listen": 2, "made.split": 1 });
  assert.equal((await world.ports.catalog.get<CacheEntry>("cache", key))?.body.job, job.id);
  assert.equal(job.sidecarRevision, first.sidecarRevision);
});

test("a run that was asked for and fails takes nothing away; one that does not apply makes no job", async (t) => {
  const world = await World.open(t);
  let isBroken = false;
  const fragile = defineStage({
    name: "made.fragile",
    version: "1.0.0",
    behaviour: 1,
    description: "Fails when it is told to.",
    inputs: { source: source() },
    outputs: { note: json("made.note", z.object({ note: z.string() })) },
    conditions: ["has_audio"],
    async run() {
      if (isBroken) throw new StageFailure("TERMINAL", "BROKEN", "it broke", { help: "Mend it." });
      return { note: { note: "whole" } };
    },
  });
  await world.serve([probe(), listen(), fragile]);
  const { asset, id } = await world.index(await world.file("a.json", film()));
  const key = (await world.step(id, "made.fragile")).key;
  isBroken = true;
  const [made] = (await rerun(world, { assets: [asset], stages: ["made.fragile"] })).reruns ?? [];
  const failed = await world.settled(made?.job as string);
  assert.equal(states(failed)["made.fragile"], "FAILED");
  assert.equal((await world.ports.catalog.get<CacheEntry>("cache", key))?.body.job, id);
  assert.equal(states(await world.index(await world.file("a.json", film())))["made.fragile"], "CACHED");
  const silent = await world.index(await world.file("b.json", film({ streams: ["video"] })));
  const nothing = await rerun(world, { assets: [silent.asset], stages: ["made.fragile"] });
  assert.deepEqual([nothing.reruns, nothing.upToDate], [undefined, 1]);
});

test("a step that runs though it ran before says what has changed: model, settings, input, or that its result is gone", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  const uri = await world.file("a.json", film({ said: [{ at: 0, text: "one two" }] }));
  let stop = await world.serve([probe(runs), listen(runs), split(runs), tuned(runs, "a", false)]);
  const first = await world.index(uri);
  assert.equal(causes(first)["made.tuned"], "it has not run on this asset before");
  await stop();
  stop = await world.serve([probe(runs), listen(runs), split(runs), tuned(runs, "b", false)]);
  const other = await world.index(uri);
  assert.deepEqual(causes(other), { "made.tuned": "model b (bbbbbbbbbbbb) instead of a (aaaaaaaaaaaa)" });
  await world.restart({ plan: { stages: { "made.tuned": { loud: true, language: "de" } }, producers: {} } });
  await stop();
  stop = await world.serve([probe(runs), listen(runs), split(runs), tuned(runs, "b", false)]);
  assert.deepEqual(causes(await world.index(uri)), {
    "made.tuned": 'config.language "de" instead of "en"; config.loud true instead of false',
  });
  const { key } = await world.step(other.id, "made.split");
  await world.ports.catalog.write([{ op: "delete", collection: "cache", id: key }]);
  assert.deepEqual(causes(await world.index(uri)), { "made.split": "its known result is gone" });
  await world.restart({ salt: "pepper" });
  await stop();
  await world.serve([probe(runs), listen(runs), split(runs), tuned(runs, "b", false)]);
  assert.match(causes(await world.index(uri))["made.probe"] ?? "", /salt/);
});

test("a plan says the same before anything runs", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  const uri = await world.file("a.json", film({ said: [{ at: 0, text: "one two" }] }));
  const stop = await world.serve([probe(runs), listen(runs), split(runs)]);
  await world.index(uri);
  const plan = async () => {
    const { steps } = await world.command<{
      steps: { stage: string; action: string; why: string; samples?: number }[];
    }>("JobService.PlanJob", { source_uri: uri });
    return steps.map(({ stage, action, why, samples = 0 }) => [stage, action, why, samples]);
  };
  const known = "same input, stage, models and configuration as before";
  assert.deepEqual(await plan(), [
    ["made.probe", "CACHED", known, 1],
    ["made.listen", "CACHED", known, 1],
    ["made.split", "CACHED", known, 1],
  ]);
  await stop();
  await world.serve([probe(runs), listen(runs, 2), split(runs)]);
  assert.deepEqual(await plan(), [
    ["made.probe", "CACHED", known, 1],
    ["made.listen", "RUN", "behaviour 2 instead of 1 (version 1.0.2, was 1.0.1)", 1],
    ["made.split", "UNKNOWN", "depends on made.listen", 1],
  ]);
});

test("a stage that is turned off makes nothing stale; turned on again, it has everything to do", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), listen()]);
  const before = await world.index(await world.file("a.json", film({ salt: "a" })));
  await world.indexed(before.asset);
  await world.command("StageService.DisableStage", { stage: "made.listen" });
  assert.equal(await stale(world), 0);
  const without = await world.index(await world.file("b.json", film({ salt: "b" })));
  assert.equal(await stale(world), 0);
  await world.command("StageService.EnableStage", { stage: "made.listen" });
  assert.equal(await stale(world), 2);
  const dry = await rerun(world, { dry_run: true });
  assert.deepEqual(dry.reruns?.map(({ asset }) => asset).sort(), [before.asset, without.asset].sort());
  assert.equal(forecast(dry)["made.listen"]?.run, 2);
});

test("a stage that is turned off while it runs has not run: turned on again, the asset is stale", async (t) => {
  const world = await World.open(t);
  const began = Promise.withResolvers<void>();
  const slow = defineStage({
    name: "made.slow",
    version: "1.0.0",
    behaviour: 1,
    description: "Goes on until it is told to stop.",
    inputs: { source: source() },
    outputs: { note: json("made.note", z.object({ note: z.string() })) },
    async run({ signal }): Promise<never> {
      began.resolve();
      await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      throw signal.reason;
    },
  });
  await world.serve([probe(), listen(), slow]);
  const id = await world.create(await world.file("a.json", film()));
  await began.promise;
  await world.command("StageService.DisableStage", { stage: "made.slow" });
  await world.settled(id);
  assert.equal(await stale(world), 0);
  await world.command("StageService.EnableStage", { stage: "made.slow" });
  assert.equal(await stale(world), 1);
});

test("what lay beside a film counts as it did in its last job: a stage that reads it is known", async (t) => {
  const world = await World.open(t);
  const stop = await world.serve([counting(), probe()]);
  await world.file("a.en.srt", "1\n");
  const { asset } = await world.index(await world.file("a.json", film()));
  await stop();
  await world.serve([counting(), probe(undefined, 2)]);
  const dry = forecast(await rerun(world, { dry_run: true, assets: [asset] }));
  assert.deepEqual(dry["made.count"], { cached: 1 });
  assert.equal(dry["made.probe"]?.run, 1);
});
