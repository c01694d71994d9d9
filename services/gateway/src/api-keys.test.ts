import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type IssuedKey, KeyServiceDefinition } from "@heimdex/contracts/v1/key";
import { SystemServiceDefinition } from "@heimdex/contracts/v1/system";
import { errorClientMiddleware, HeimdexError } from "@heimdex/errors";
import { createChannel, createClientFactory, Metadata } from "nice-grpc";
import { ask, openGateway } from "./testing.ts";

const ADMIN = "the-admin-key-of-this-configuration";

async function open(t: TestContext) {
  const gateway = await openGateway(t, { auth: { required: true, adminKey: ADMIN } });
  const channel = createChannel(gateway.grpcAddress);
  t.after(() => channel.close());
  const clients = createClientFactory().use(errorClientMiddleware);
  const as = (secret: string) => ({ metadata: Metadata({ authorization: `Bearer ${secret}` }) });
  return {
    gateway,
    as,
    keys: clients.create(KeyServiceDefinition, channel),
    system: clients.create(SystemServiceDefinition, channel),
  };
}

const refused = (id: string) => (error: unknown) => error instanceof HeimdexError && error.id === id;

test("the configured admin key makes the first key; the secret shows once, opens the API, and is in no later answer", async (t) => {
  const { gateway, keys, system, as } = await open(t);
  const issued = await keys.createKey({ name: "desk", role: "VIEWER" }, as(ADMIN));
  assert.match(issued.secret, /^hdx_[\w-]{43}$/);
  assert.deepEqual([issued.key?.tenant, issued.key?.role, issued.key?.lastUseTime], ["default", "VIEWER", undefined]);
  await system.getStatus({}, as(issued.secret));
  const bearer = { headers: { authorization: `Bearer ${issued.secret}` } };
  assert.equal((await ask(gateway.httpAddress, "/v1/status", bearer)).status, 200);
  const listed = await ask(gateway.httpAddress, "/v1/keys", { headers: { authorization: `Bearer ${ADMIN}` } });
  assert.deepEqual(
    listed.json.keys.map(({ key, role }: { key: string; role: string }) => [key, role]),
    [[issued.key?.key, "VIEWER"]],
  );
  assert.notEqual(listed.json.keys[0].last_use_time, undefined);
  assert.equal(listed.body.includes(issued.secret), false);
});

test("a revoked key is refused from then on; a rotated one by its old secret, unless there is an overlap", async (t) => {
  const { keys, system, as } = await open(t);
  const first = await keys.createKey({ name: "a", role: "EDITOR" }, as(ADMIN));
  const second = await keys.rotateKey({ key: first.key?.key, overlapMs: 60_000 }, as(ADMIN));
  assert.equal(second.key?.key, first.key?.key);
  for (const { secret } of [first, second]) await system.getStatus({}, as(secret));
  const third = await keys.rotateKey({ key: first.key?.key }, as(ADMIN));
  for (const { secret } of [first, second])
    await assert.rejects(system.getStatus({}, as(secret)), refused("UNAUTHENTICATED"));
  await system.getStatus({}, as(third.secret));
  const revoked = await keys.revokeKey({ key: first.key?.key }, as(ADMIN));
  assert.notEqual(revoked.revokeTime, undefined);
  await assert.rejects(system.getStatus({}, as(third.secret)), refused("UNAUTHENTICATED"));
});

test("an admin of one tenant manages its keys alone; one of the operator's tenant those of all", async (t) => {
  const { keys, as } = await open(t);
  const make = (tenant: string, role: "ADMIN" | "VIEWER" = "ADMIN") =>
    keys.createKey({ name: tenant, role, tenant }, as(ADMIN));
  const [acme, globex] = (await Promise.all([make("acme"), make("globex")])) as [IssuedKey, IssuedKey];
  const mine = await keys.createKey({ name: "mine", role: "VIEWER" }, as(acme.secret));
  assert.equal(mine.key?.tenant, "acme");
  for (const tenant of ["globex", "default"])
    await assert.rejects(keys.createKey({ name: "x", role: "VIEWER", tenant }, as(acme.secret)), (error) =>
      refused("PERMISSION_DENIED")(error),
    );
  await assert.rejects(
    keys.createKey({ name: "x", role: "STAGE", tenant: "*" }, as(acme.secret)),
    refused("PERMISSION_DENIED"),
  );
  const names = async (secret: string) => (await keys.listKeys({}, as(secret))).keys.map(({ name }) => name).sort();
  assert.deepEqual(await names(acme.secret), ["acme", "mine"]);
  assert.deepEqual(await names(globex.secret), ["globex"]);
  assert.deepEqual(await names(ADMIN), ["acme", "globex", "mine"]);
  await keys.revokeKey({ key: mine.key?.key }, as(ADMIN));
});

test("keys come in pages, newest first, and a page token of one caller is no use to another", async (t) => {
  const { keys, as } = await open(t);
  for (const name of ["a", "b", "c"]) await keys.createKey({ name, role: "VIEWER" }, as(ADMIN));
  const acme = await keys.createKey({ name: "acme", role: "ADMIN", tenant: "acme" }, as(ADMIN));
  const seen: string[] = [];
  let pageToken = "";
  do {
    const page = await keys.listKeys({ pageSize: 1, pageToken }, as(ADMIN));
    seen.push(...page.keys.map(({ name }) => name));
    if (page.nextPageToken !== "")
      await assert.rejects(
        keys.listKeys({ pageToken: page.nextPageToken }, as(acme.secret)),
        refused("INVALID_ARGUMENT"),
      );
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  assert.deepEqual(seen.toSorted(), ["a", "acme", "b", "c"]);
});

test("what is wrong with a new key is said of each field", async (t) => {
  const { keys, as } = await open(t);
  const fields = async (request: Parameters<typeof keys.createKey>[0]) =>
    keys.createKey(request, as(ADMIN)).then(
      () => [],
      (error: HeimdexError) => error.fields.map(({ field }) => field),
    );
  assert.deepEqual(await fields({}), ["name", "role"]);
  assert.deepEqual(await fields({ name: "x", role: "ADMIN", tenant: "*" }), ["tenant"]);
  assert.deepEqual(await fields({ name: "x", role: "ADMIN", tenant: "../acme" }), ["tenant"]);
  assert.deepEqual(await fields({ name: "x", role: "ADMIN", stages: ["asr.transcribe"] }), ["stages"]);
  assert.deepEqual(await fields({ name: "x", role: "STAGE", stages: [""] }), ["stages[0]"]);
  assert.deepEqual(await fields({ name: "x", role: "VIEWER", expireTime: new Date(0) }), ["expire_time"]);
  await assert.rejects(keys.revokeKey({ key: "k_none" }, as(ADMIN)), refused("KEY_NOT_FOUND"));
  await assert.rejects(keys.rotateKey({ key: "k", overlapMs: 604_800_001 }, as(ADMIN)), refused("INVALID_ARGUMENT"));
});

test("the monitor key of the configuration, and one of that role, read the figures of the whole and nothing else", async (t) => {
  const monitorKey = "the-monitor-key-of-this-configuration";
  const gateway = await openGateway(t, { auth: { required: true, adminKey: ADMIN }, monitorKey });
  const of = (secret: string) => ({
    headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
  });
  const body = JSON.stringify({ name: "scaler", role: "MONITOR" });
  const made = await ask(gateway.httpAddress, "/v1/keys", { method: "POST", body, ...of(ADMIN) });
  assert.equal(made.status, 200);
  for (const secret of [monitorKey, made.json.secret]) {
    const { status, json } = await ask(gateway.httpAddress, "/v1/status", of(secret));
    assert.equal(status, 200);
    assert.ok(json.free_bytes > 0, "what all tenants share");
    for (const path of ["/v1/assets", "/v1/stages", "/v1/keys"])
      assert.equal((await ask(gateway.httpAddress, path, of(secret))).status, 403, path);
  }
});
