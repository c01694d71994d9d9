import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyStore } from "@heimdex/access";
import { JobServiceDefinition } from "@heimdex/contracts/v1/job";
import { SystemServiceDefinition } from "@heimdex/contracts/v1/system";
import { errorClientMiddleware, HeimdexError } from "@heimdex/errors";
import { createChannel, createClientFactory, Metadata } from "nice-grpc";
import { ask, job, openGateway, post } from "./testing.ts";

/** Refused as what comes again later, and says when. */
const laterBy = (id: string, mostMs: number) => (error: unknown) =>
  error instanceof HeimdexError &&
  error.id === id &&
  error.code === "RESOURCE_EXHAUSTED" &&
  (error.retryAfterMs ?? 0) > 0 &&
  (error.retryAfterMs ?? 0) <= mostMs;

test("a key that calls too often is told when to come again, over both ports; another key is not held back", async (t) => {
  const gateway = await openGateway(t, { auth: { required: true }, limits: { requestsPerSecond: 0.001, burst: 2 } });
  const keys = new KeyStore(gateway.ports.catalog, { now: Date.now, onError: (reason) => assert.fail(String(reason)) });
  const issue = () => keys.create({ name: "x", role: "viewer", tenant: "acme", stages: [], expiresAtMs: 0 });
  const [hasty, other] = [(await issue()).secret, (await issue()).secret];
  const channel = createChannel(gateway.grpcAddress);
  t.after(() => channel.close());
  const system = createClientFactory().use(errorClientMiddleware).create(SystemServiceDefinition, channel);
  const as = (secret: string) => ({ metadata: Metadata({ authorization: `Bearer ${secret}` }) });
  const over = (secret: string, path = "/v1/assets") =>
    ask(gateway.httpAddress, path, { headers: { authorization: `Bearer ${secret}` } });
  await system.getStatus({}, as(hasty));
  assert.equal((await over(hasty)).status, 200);
  await assert.rejects(system.getStatus({}, as(hasty)), laterBy("RATE_LIMITED", 1_000_000));
  const held = await over(hasty);
  assert.equal(held.status, 429);
  assert.ok(Number(held.headers["retry-after"]) > 0 && Number(held.headers["retry-after"]) <= 1_000);
  assert.match(JSON.stringify(held.json.error.details), /RetryInfo.*retry_delay/);
  assert.equal((await over(hasty, "/healthz")).status, 200);
  assert.equal((await over(other)).status, 200);
});

test("a tenant has only so many jobs under way; another tenant's do not count", async (t) => {
  const gateway = await openGateway(t, { limits: { activeJobs: 2 } });
  await gateway.ports.bus.respond("api.>", async () => ({ job: "j_1" }));
  const request = { source_uri: "file:///films/a.mp4" };
  await gateway.storeJob(job("j_1"));
  await gateway.storeJob(job("j_9", { tenant: "acme" }));
  assert.equal((await post(gateway.httpAddress, "/v1/jobs", request)).status, 200);
  await gateway.storeJob(job("j_2"));
  await gateway.storeJob(job("j_3", { state: "SUCCEEDED", endedAtMs: 1 }));
  const channel = createChannel(gateway.grpcAddress);
  t.after(() => channel.close());
  const jobs = createClientFactory().use(errorClientMiddleware).create(JobServiceDefinition, channel);
  await assert.rejects(jobs.createJob({ sourceUri: request.source_uri }), laterBy("QUOTA_EXCEEDED", 60_000));
  await assert.rejects(jobs.retryJob({ job: "j_3" }), laterBy("QUOTA_EXCEEDED", 60_000));
  assert.equal((await post(gateway.httpAddress, "/v1/jobs", request)).status, 429);
  await gateway.storeJob(job("j_2", { state: "SUCCEEDED", endedAtMs: 1 }));
  await jobs.createJob({ sourceUri: request.source_uri });
});
