import assert from "node:assert/strict";
import { test } from "node:test";
import { analyze } from "@heimdex/search";
import { film, listen, loudness, probe, type Runs, split } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

test("a film goes from a file to a found moment, and a second job costs no run", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  await world.serve([probe(runs), listen(runs), split(runs), loudness(runs)]);
  const uri = await world.file("a film.json", film({ said: [{ at: 2_000, text: "the harbour at dawn" }] }));
  const job = await world.index(uri);
  assert.equal(job.state, "SUCCEEDED", JSON.stringify(job, undefined, 1));
  const asset = await world.indexed(job.asset);
  assert.deepEqual([asset.title, asset.durationMs, asset.sidecarRevision], ["a film.json", 10_000, 1]);
  for (const [field, text] of [
    ["spoken", "harbour"],
    ["custom", "thunderous"],
  ] as const) {
    const found = await world.ports.index.searchText(field, analyze(text), { tenant: TENANT }, 10);
    assert.equal(found.length, 1, field);
    assert.equal(found[0]?.row.asset, job.asset);
  }
  const again = await world.index(uri);
  assert.deepEqual(
    again.steps.map(({ state }) => state),
    ["CACHED", "CACHED", "CACHED", "CACHED"],
  );
  assert.equal(again.state, "SUCCEEDED");
  assert.equal(again.sidecarRevision, 1, "nothing new, no new revision");
  assert.deepEqual([...runs.values()], [1, 1, 1, 1]);
});
