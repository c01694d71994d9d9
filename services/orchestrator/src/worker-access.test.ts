import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { authConfig, EVERY_TENANT, KeyStore, newSecret } from "@heimdex/access";
import { HeimdexError } from "@heimdex/errors";
import { defineStage, json as jsonPort, source } from "@heimdex/stage-sdk";
import { z } from "zod";
import type { OrchestratorConfig } from "./config.ts";
import { inline, json, manifest } from "./testing/raw-worker.ts";
import { stoppedClock, World } from "./testing/world.ts";

const failedAs = (id: string) => (reason: unknown) => reason instanceof HeimdexError && reason.id === id;

async function open(t: TestContext, config: Partial<OrchestratorConfig> = {}) {
  const world = await World.open(t, { auth: authConfig.parse({ required: true }), sourceRoots: ["/"], ...config });
  const keys = new KeyStore(world.ports.catalog, { now: Date.now, onError: (reason) => assert.fail(String(reason)) });
  const issue = (tenant: string, stages: readonly string[] = [], role: "stage" | "admin" = "stage", expiresAtMs = 0) =>
    keys.create({ name: "worker", role, tenant, stages, expiresAtMs });
  return { world, keys, issue };
}

test("a session is opened with a stage key that is good, and with nothing else", async (t) => {
  const { world, keys, issue } = await open(t);
  const revoked = await issue(EVERY_TENANT);
  await keys.revoke(revoked.record.id, undefined);
  const expired = await issue(EVERY_TENANT, [], "stage", 1);
  for (const key of [undefined, "", newSecret(), revoked.secret, expired.secret])
    await assert.rejects(world.worker(key), failedAs("UNAUTHENTICATED"));
  const admin = await issue("default", [], "admin");
  await assert.rejects(world.worker(admin.secret), failedAs("PERMISSION_DENIED"));
  const { secret } = await issue(EVERY_TENANT);
  const worker = await world.worker(secret);
  await worker.register(manifest("made.up"));
});

test("the key itself opens nothing but sessions, and a foreign token is answered as one of no session", async (t) => {
  const { world, issue } = await open(t);
  const { secret } = await issue(EVERY_TENANT);
  const [one, two] = [await world.worker(secret), await world.worker(secret)];
  const { token } = one.session;
  one.session = { ...one.session, token: secret };
  await assert.rejects(one.acquire({ waitMs: 0 }), failedAs("UNAUTHENTICATED"));
  await assert.rejects(one.registry.listStages({}, one.options), failedAs("UNAUTHENTICATED"));
  one.session = { ...one.session, token };
  const answers = [];
  for (const session of [two.id, "s_00"]) {
    const request = { session, requestId: "r", slots: [] };
    const error = await one.work.acquireLeases(request, one.options).catch((reason: unknown) => reason);
    answers.push(JSON.stringify(error).replaceAll(session, "SESSION"));
  }
  assert.match(answers[0] ?? "", /UNAUTHENTICATED/);
  assert.equal(answers[0], answers[1]);
});

test("a key that opens sessions in a loop is told when to come again, and holds back no other key", async (t) => {
  const { world, issue } = await open(t, { sessionRate: { perSecond: 0.01, burst: 3 } });
  const [one, other] = [await issue(EVERY_TENANT), await issue("default")];
  for (let n = 0; n < 3; n++) await world.worker(one.secret);
  await assert.rejects(world.worker(one.secret), (error: unknown) => {
    assert.ok(error instanceof HeimdexError && error.id === "RATE_LIMITED", String(error));
    assert.ok((error.retryAfterMs ?? 0) > 90_000 && (error.retryAfterMs ?? 0) <= 100_000);
    return true;
  });
  await world.worker(other.secret);
});

test("a revoked key ends the sessions it opened", async (t) => {
  const clock = stoppedClock(t);
  const { world, keys, issue } = await open(t);
  const { record, secret } = await issue(EVERY_TENANT);
  const worker = await world.worker(secret);
  await worker.acquire({ waitMs: 0 });
  await keys.revoke(record.id, undefined);
  clock.tick(5_000);
  await assert.rejects(worker.acquire({ waitMs: 0 }), failedAs("UNAUTHENTICATED"));
  await assert.rejects(worker.renew([]), failedAs("UNAUTHENTICATED"));
});

test("a key for some stages registers and serves no others", async (t) => {
  const { world, issue } = await open(t);
  const { secret } = await issue(EVERY_TENANT, ["made.one"]);
  const worker = await world.worker(secret);
  await worker.register(manifest("made.one"));
  await assert.rejects(worker.register(manifest("made.two")), failedAs("PERMISSION_DENIED"));
  await assert.rejects(
    worker.registry.retireStage({ name: "made.two" }, worker.options),
    failedAs("PERMISSION_DENIED"),
  );
  assert.equal((await worker.registry.getStage({ name: "made.one" }, worker.options)).manifest?.name, "made.one");
});

test("a worker of one tenant gets its steps and requests alone, one of all tenants those of everybody", async (t) => {
  const { world, issue } = await open(t);
  const every = await world.worker((await issue(EVERY_TENANT)).secret);
  await every.register(manifest("made.up"), { interactive: true });
  const acme = await world.worker((await issue("acme")).secret);
  await acme.register(manifest("made.up"), { interactive: true });
  const theirs = await world.create(await world.file("theirs.bin", "globex"), {}, "globex");
  await world.untilJob(theirs, ({ steps }) => steps[0]?.state === "READY", "is ready");
  assert.deepEqual(await acme.acquire({ waitMs: 50 }), []);
  const parked = acme.acquire({ waitMs: 2_000 });
  const own = await world.create(await world.file("own.bin", "acme"), {}, "acme");
  assert.deepEqual(
    (await parked).map(({ job }) => job),
    [own],
  );
  const lease = await every.lease();
  assert.equal(lease.job, theirs);

  const request = Buffer.from("hello").toString("base64");
  const ask = (tenant: string) =>
    world.ports.bus.request("interactive.made.up", { tenant, request }, { timeoutMs: 5_000 });
  const poll = acme.acquire({ interactive: true, waitMs: 10_000 });
  const answer = world.until(() => ask("acme").catch(() => undefined), "the poll is parked");
  const isUnserved = (reason: unknown) => failedAs("NO_WORKER")(reason) || failedAs("BUS_NO_RESPONDER")(reason);
  await assert.rejects(ask("globex"), isUnserved);
  const [asked] = await poll;
  assert.ok(asked);
  await acme.complete(asked, [inline("response", Buffer.from("yes"))]);
  await answer;
});

test("a worker of one tenant changes nothing about what everybody's plans are made of", async (t) => {
  const { world, issue } = await open(t);
  const operator = await world.worker((await issue("default")).secret);
  await operator.register(manifest("made.up"));
  const before = await world.ports.catalog.find({ collection: "stages", limit: 10 });
  const acme = await world.worker((await issue("acme")).secret);
  await assert.rejects(acme.register(manifest("made.new")), failedAs("PERMISSION_DENIED"));
  await assert.rejects(acme.register(manifest("made.up", { behaviour: 2 })), failedAs("PERMISSION_DENIED"));
  await assert.rejects(acme.register(manifest("made.up", { version: "2.0.0" })), failedAs("PERMISSION_DENIED"));
  await assert.rejects(acme.registry.retireStage({ name: "made.up" }, acme.options), failedAs("PERMISSION_DENIED"));
  await acme.register(manifest("made.up"), { unavailableReason: "NO_MODEL", unavailableHelp: "Pull it." });
  assert.deepEqual(await world.ports.catalog.find({ collection: "stages", limit: 10 }), before);
});

test("a token that ends soon makes the server ask for another session; what its leases need it opens to the end", async (t) => {
  const clock = stoppedClock(t);
  const { world, issue } = await open(t, { tokenLifeMs: 8_000 });
  const { secret } = await issue(EVERY_TENANT);
  const worker = await world.worker(secret);
  await worker.register(manifest("made.up"));
  const job = await world.create(await world.file("a.bin", "a"));
  const lease = await worker.lease();
  const drains = async () =>
    (await worker.work.renewLeases({ session: worker.id, renewals: [] }, worker.options)).drain;
  assert.equal(await drains(), false);
  clock.tick(6_001);
  assert.equal(await drains(), true);
  clock.tick(2_000);
  await assert.rejects(worker.acquire({ waitMs: 0 }), failedAs("UNAUTHENTICATED"));
  await assert.rejects(worker.registry.listStages({}, worker.options), failedAs("UNAUTHENTICATED"));
  assert.deepEqual(
    (await worker.renew([lease])).map(({ verdict }) => verdict),
    ["CONTINUE"],
  );
  assert.equal((await worker.complete(lease, [json("out", 1)])).result, "ACCEPTED");
  assert.equal((await world.settled(job)).state, "SUCCEEDED");
});

test("a stage of the SDK works with a key, and opens another session before its token ends", async (t) => {
  const { world, issue } = await open(t, { tokenLifeMs: 2_000, maxWaitMs: 100 });
  const { secret } = await issue(EVERY_TENANT);
  const stage = defineStage({
    name: "made.up",
    version: "1.0.0",
    behaviour: 1,
    description: "Does it.",
    inputs: { source: source() },
    outputs: { out: jsonPort("made.out", z.number()) },
    run: async () => ({ out: 1 }),
  });
  await world.serve([stage], { stageKey: secret });
  const [first] = await world.all<{ id: string }>("sessions");
  await world.until(
    async () => (await world.all<{ id: string }>("sessions")).find(({ id }) => id !== first?.id),
    "another session is opened",
  );
  assert.equal((await world.index(await world.file("a.bin", "a"))).state, "SUCCEEDED");
});

test("a command that does not say for which tenant it is, is not done", async (t) => {
  const world = await World.open(t);
  const request = { source_uri: await world.file("a.bin", "a") };
  for (const payload of [
    { request },
    { tenant: "", request },
    { tenant: "../x", request },
    { tenant: "*", request },
    null,
  ])
    await assert.rejects(
      world.ports.bus.request("api.JobService.CreateJob", payload, { timeoutMs: 5_000 }),
      failedAs("INVALID_ARGUMENT"),
    );
  assert.deepEqual(await world.all("jobs"), []);
});
