import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lease } from "@heimdex/contracts/stage/v1/work_service";
import { openMetrics } from "@heimdex/metrics";
import { json, manifest } from "./testing/raw-worker.ts";
import { film } from "./testing/stages.ts";
import { World } from "./testing/world.ts";

test("figures: what waits and is under way by stage, how long it took, and why attempts failed", async (t) => {
  const world = await World.open(t);
  world.metrics = await openMetrics("orchestrator");
  await world.restart();
  const worker = await world.worker();
  await worker.register(manifest("made.flaky"));
  for (const text of ["one", "two"])
    await world.create(await world.file(`${text}.json`, film({ said: [{ at: 0, text }] })));
  const lease = await worker.lease();
  const origin = dataOrigin(lease);
  const figure = (text: string, name: string, labels: string) =>
    Number(new RegExp(`^${name}\\{${labels}\\} (\\S+)$`, "m").exec(text)?.[1]);
  const stage = 'stage="made.flaky"';
  const text = await world.until(async () => {
    const answer = await (await fetch(`${origin}/metrics`)).text();
    return figure(answer, "heimdex_steps", `${stage},state="READY"`) === 1 ? answer : undefined;
  }, "the second step waits");
  assert.equal(figure(text, "heimdex_steps", `${stage},state="LEASED"`), 1);
  assert.ok(figure(text, "heimdex_oldest_lease_age_seconds", stage) >= 0);
  assert.match(text, /^heimdex_active_jobs 2$/m);
  assert.match(text, /^heimdex_unindexed_assets 0$/m);
  assert.match(
    text,
    /^rpc_server_call_duration_seconds_count\{rpc_method="heimdex\.stage\.v1\.WorkService\/AcquireLeases"/m,
  );

  await worker.fail(lease, { kind: "RETRYABLE", reason: "TOO_WARM", message: "it was too warm" });
  await worker.complete(await worker.lease(), [json("out", 1)]);
  const attempts = (outcome: string, reason: string) =>
    `work="attempt",${stage},outcome="${outcome}",reason="${reason}"`;
  const later = await (await fetch(`${origin}/metrics`)).text();
  assert.equal(figure(later, "heimdex_work_duration_seconds_count", attempts("failed", "TOO_WARM")), 1);
  assert.equal(figure(later, "heimdex_work_duration_seconds_count", attempts("completed", "")), 1);
  assert.ok(figure(later, "heimdex_work_duration_seconds_count", `work="queue",${stage},outcome="",reason=""`) >= 2);
});

test("no figures are kept where nobody reads them", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.flaky"));
  await world.create(await world.file("a.json", film({ said: [] })));
  const origin = dataOrigin(await worker.lease());
  assert.equal((await fetch(`${origin}/metrics`)).status, 403);
});

/** Where the orchestrator serves data. */
function dataOrigin({ inputs: [input] }: Lease): string {
  assert.equal(input?.content?.$case, "url");
  return new URL(input.content.value).origin;
}
