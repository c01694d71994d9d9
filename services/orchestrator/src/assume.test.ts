import assert from "node:assert/strict";
import { test } from "node:test";
import { film, listen, probe, split } from "./testing/stages.ts";
import { World } from "./testing/world.ts";

interface Plan {
  readonly steps: readonly { readonly stage: string; readonly action: string; readonly samples?: number }[];
}

test("PlanJob with assumed models says what the change would run again, and claims no experience with them", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), listen(), split()]);
  const uri = await world.file("a.json", film({ said: [{ at: 0, text: "hello there" }] }));
  await world.index(uri);
  const plan = async (models: readonly object[]) => {
    const { steps } = await world.command<Plan>("JobService.PlanJob", { source_uri: uri, models });
    return Object.fromEntries(steps.map(({ stage, action, samples = 0 }) => [stage, [action, samples]]));
  };
  const model = { stage: "made.listen", model: "better-ears", sha256: "a".repeat(64) };
  assert.deepEqual(await plan([]), {
    "made.probe": ["CACHED", 1],
    "made.listen": ["CACHED", 1],
    "made.split": ["CACHED", 1],
  });
  assert.deepEqual(await plan([model]), {
    "made.probe": ["CACHED", 1],
    "made.listen": ["RUN", 0],
    "made.split": ["UNKNOWN", 1],
  });
  assert.deepEqual(await plan([{ ...model, stage: "made.unheard" }]), await plan([]));
});
