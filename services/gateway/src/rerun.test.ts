import assert from "node:assert/strict";
import { test } from "node:test";
import { type AssetRecord, PLANS_ID, type PlansRecord, planTerm, presentTerm } from "@heimdex/kernel";
import { ask, asset, job, openGateway, post, step } from "./testing.ts";

const source = (missing: boolean) => ({ uri: `file:///${missing}.mp4`, size: 1, modifiedMs: 0, missing });

test("assets are stale whose plan lacks a stage or has it otherwise, but for those that are nowhere", async (t) => {
  const gateway = await openGateway(t);
  const plans: PlansRecord = {
    current: { "made.probe": "1", "made.listen": "2" },
    known: {
      same: { "made.listen": "2", "made.probe": "1" },
      more: { "made.listen": "2", "made.probe": "1", "made.gone": "9" },
      less: { "made.probe": "1" },
      other: { "made.listen": "3", "made.probe": "1" },
    },
  };
  const given: [string, Partial<AssetRecord>][] = [
    ["a_same", { plan: "same" }],
    ["a_more", { plan: "more" }],
    ["a_less", { plan: "less" }],
    ["a_other", { plan: "other" }],
    ["a_forgotten", { plan: "nobody knows" }],
    ["a_none", {}],
    ["a_missing", { plan: "less", sources: [source(true)] }],
    ["a_found", { plan: "less", sources: [source(true), source(false)] }],
  ];
  const all = async () => {
    const { json } = await ask(gateway.httpAddress, "/v1/assets");
    return json.assets.flatMap((each: { asset: string; stale: boolean }) => (each.stale ? [each.asset] : [])).sort();
  };
  for (const [id, more] of given) {
    const record = asset(id, more);
    const isPresent = record.sources.some(({ missing }) => !missing);
    await gateway.store("assets", id, record, [
      "tenant:default",
      ...(isPresent ? [presentTerm("default")] : []),
      ...(isPresent && record.plan !== undefined ? [planTerm("default", record.plan)] : []),
    ]);
  }
  assert.deepEqual(await all(), []); // no stage was ever registered
  await gateway.store("meta", PLANS_ID, plans, []);
  const stale = ["a_forgotten", "a_found", "a_less", "a_none", "a_other"];
  assert.deepEqual(await all(), stale);
  assert.equal((await ask(gateway.httpAddress, "/v1/assets/a_less")).json.stale, true);
  assert.equal((await ask(gateway.httpAddress, "/v1/status")).json.stale_assets, stale.length);
});

test("rerun goes to the orchestrator with a page, and its answer's token goes on behind it", async (t) => {
  const gateway = await openGateway(t);
  const asked: unknown[] = [];
  await gateway.ports.bus.respond("api.JobService.RerunAssets", async (payload) => {
    asked.push(payload);
    return {
      reruns: [{ asset: "a_1", source_uri: "file:///a.mp4", job: "j_1" }],
      stages: [{ stage: "made.probe", run: 1, estimate_ms: "70", samples: 2, causes: [{ why: "new", assets: 1 }] }],
      next_page_token: asked.length === 1 ? "a_7" : "",
    };
  });
  const rerun = (body: object) => post(gateway.httpAddress, "/v1/jobs:rerun", body);
  const body = { stages: ["made.probe"], page_size: 2, request_id: "r1", priority: 3 };
  const first = await rerun(body);
  assert.equal(first.status, 200, first.body.toString());
  assert.deepEqual(
    [first.json.reruns[0].job, first.json.up_to_date, first.json.stages[0].estimate_ms, first.json.stages[0].cached],
    ["j_1", 0, "70", 0],
  );
  const { next_page_token: token } = first.json;
  const second = await rerun({ ...body, page_token: token });
  assert.equal(second.json.next_page_token, "");
  const request = { stages: ["made.probe"], pageSize: 2, requestId: "r1", priority: 3 };
  assert.deepEqual(asked, [
    { tenant: "default", request },
    { tenant: "default", request: { ...request, pageToken: "a_7" } },
  ]);
  assert.equal((await rerun({ page_token: token })).status, 400); // of another request
  const bad = await rerun({ assets: ["a b"], stages: [""], page_size: 501, priority: 101, request_id: "a b" });
  assert.deepEqual(
    bad.json.error.details[1].field_violations.map(({ field }: { field: string }) => field),
    ["assets[0]", "stages[0]", "page_size", "priority", "request_id"],
  );
});

test("a job's step says why it runs", async (t) => {
  const gateway = await openGateway(t);
  const steps = [step("made.probe", { cause: "behaviour 2 instead of 1" }), step("made.listen")];
  await gateway.storeJob(job("j_1", { steps }));
  const { json } = await ask(gateway.httpAddress, "/v1/jobs/j_1");
  assert.deepEqual(
    json.steps.map(({ cause }: { cause: string }) => cause),
    ["behaviour 2 instead of 1", ""],
  );
});
