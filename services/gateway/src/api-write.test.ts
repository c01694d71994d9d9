import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { ask, job, openGateway, post } from "./testing.ts";

test("what changes something goes to the orchestrator, in proto3 JSON", async (t) => {
  const gateway = await openGateway(t);
  const asked: [string, unknown][] = [];
  for (const id of ["j_1", "j_new"]) await gateway.storeJob(job(id, { state: "QUEUED" }));
  for (const [method, reply] of [
    ["JobService.CreateJob", { job: "j_new" }],
    ["JobService.CancelJob", { job: "j_1" }],
    ["JobService.RetryJob", { job: "j_new" }],
    [
      "JobService.PlanJob",
      { steps: [{ stage: "media.probe", action: "RUN", why: "new", estimate_ms: 40, samples: 2 }], asset: "" },
    ],
    ["AssetService.DeleteAsset", {}],
    ["SystemService.Reindex", { assets: 3, moments: 40, failures: [] }],
  ] as const) {
    await gateway.ports.bus.respond(`api.${method}`, async (payload) => {
      asked.push([method, payload]);
      if (method === "JobService.CancelJob") await gateway.storeJob(job("j_1", { state: "CANCELLED", endedAtMs: 5 }));
      return reply;
    });
  }
  const http = gateway.httpAddress;
  const created = await post(http, "/v1/jobs", {
    source_uri: "file:///films/a.mp4",
    priority: -5,
    request_id: "r1",
    reread: true,
  });
  assert.equal(created.status, 200);
  assert.deepEqual(
    [created.json.job, created.json.state, created.json.create_time],
    ["j_new", "QUEUED", "2023-11-14T22:13:20Z"],
  );
  assert.equal((await post(http, "/v1/jobs/j_1:cancel", {})).json.state, "CANCELLED");
  assert.equal((await post(http, "/v1/jobs/j_1:retry", { request_id: "r2" })).json.job, "j_new");
  assert.equal((await post(http, "/v1/jobs:plan", { source_uri: "file:///b.mp4" })).json.steps[0].action, "RUN");
  const deleted = await ask(http, "/v1/assets/a_1", { method: "DELETE" });
  assert.deepEqual([deleted.status, deleted.json], [200, {}]);
  assert.deepEqual((await post(http, "/v1/index:rebuild", {})).json, { assets: 3, moments: 40, failures: [] });
  assert.deepEqual(asked, [
    [
      "JobService.CreateJob",
      { tenant: "default", request: { sourceUri: "file:///films/a.mp4", priority: -5, requestId: "r1", reread: true } },
    ],
    ["JobService.CancelJob", { tenant: "default", request: { job: "j_1" } }],
    ["JobService.RetryJob", { tenant: "default", request: { job: "j_1", requestId: "r2" } }],
    ["JobService.PlanJob", { tenant: "default", request: { sourceUri: "file:///b.mp4" } }],
    ["AssetService.DeleteAsset", { tenant: "default", request: { asset: "a_1" } }],
    ["SystemService.Reindex", { tenant: "default", request: {} }],
  ]);
});

test("the caller's trace context goes along, unless it is none", async (t) => {
  const gateway = await openGateway(t);
  const seen: unknown[] = [];
  await gateway.storeJob(job("j_1"));
  await gateway.ports.bus.respond("api.JobService.CreateJob", async (payload) => {
    seen.push((payload as { request: { traceparent?: string } }).request.traceparent);
    return { job: "j_1" };
  });
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const send = (header: string, field?: string) => {
    const headers = { "content-type": "application/json", traceparent: header };
    const body = JSON.stringify({
      source_uri: "file:///a.mp4",
      ...(field === undefined ? {} : { traceparent: field }),
    });
    return ask(gateway.httpAddress, "/v1/jobs", { method: "POST", headers, body });
  };
  await send(traceparent);
  await send("nonsense");
  await send("00-11111111111111111111111111111111-2222222222222222-01", traceparent);
  assert.deepEqual(seen, [traceparent, undefined, traceparent]);
});

test("the orchestrator's errors come through with id, help, metadata and fields", async (t) => {
  const gateway = await openGateway(t);
  await gateway.storeJob(job("j_1"));
  await gateway.ports.bus.respond("api.JobService.CancelJob", async () => {
    throw new HeimdexError("JOB_ENDED", "job j_1 ended SUCCEEDED", {
      metadata: { job: "j_1" },
      help: "Retry it.",
      retryAfterMs: 1500,
    });
  });
  const { status, json, headers } = await post(gateway.httpAddress, "/v1/jobs/j_1:cancel", {});
  assert.equal(status, 400);
  assert.deepEqual(json, {
    error: {
      code: 400,
      status: "FAILED_PRECONDITION",
      message: "job j_1 ended SUCCEEDED",
      details: [
        {
          "@type": "type.googleapis.com/google.rpc.ErrorInfo",
          reason: "JOB_ENDED",
          domain: "heimdex.dev",
          metadata: { job: "j_1", help: "Retry it." },
        },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", retry_delay: "1.5s" },
      ],
    },
  });
  assert.equal(headers["retry-after"], "2");
});

test("without an orchestrator, or with a slow one, the answer says so", async (t) => {
  const gateway = await openGateway(t, { requestTimeoutMs: 20 });
  const absent = await post(gateway.httpAddress, "/v1/jobs", { source_uri: "file:///a.mp4" });
  assert.deepEqual([absent.status, absent.json.error.details[0].reason], [503, "UNAVAILABLE"]);
  assert.match(absent.json.error.message, /orchestrator/);
  await gateway.ports.bus.respond("api.JobService.CreateJob", () => new Promise(() => {}));
  const slow = await post(gateway.httpAddress, "/v1/jobs", { source_uri: "file:///a.mp4" });
  assert.deepEqual([slow.status, slow.json.error.status], [504, "DEADLINE_EXCEEDED"]);
});

test("a caller who leaves frees what it waited for", async (t) => {
  const gateway = await openGateway(t);
  const asked = Promise.withResolvers<void>();
  const leave = new AbortController();
  await gateway.ports.bus.respond("api.JobService.CreateJob", () => {
    asked.resolve();
    return new Promise(() => {});
  });
  const call = fetch(`http://${gateway.httpAddress}/v1/jobs`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: '{"source_uri":"file:///a.mp4"}',
    signal: leave.signal,
  });
  await asked.promise;
  leave.abort();
  await assert.rejects(call, { name: "AbortError" });
  // Disposal waits for calls under way: it would take the whole grace time if this one still were.
  const began = performance.now();
  await gateway[Symbol.asyncDispose]();
  assert.ok(performance.now() - began < 1_500);
  assert.deepEqual(gateway.errors, []);
});

test("another tenant's job is neither cancelled nor retried", async (t) => {
  const gateway = await openGateway(t);
  const asked: string[] = [];
  await gateway.ports.bus.respond("api.>", async (_, subject) => void asked.push(subject));
  await gateway.storeJob(job("j_1", { tenant: "other" }));
  for (const verb of ["cancel", "retry"]) {
    const { json } = await post(gateway.httpAddress, `/v1/jobs/j_1:${verb}`, {});
    assert.equal(json.error.details[0].reason, "JOB_NOT_FOUND");
  }
  assert.deepEqual(asked, []);
});
