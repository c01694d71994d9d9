import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { Secret } from "@heimdex/config";
import { authConfig } from "./access-config.ts";
import type { Caller } from "./caller.ts";
import { Gate } from "./gate.ts";
import { newSecret } from "./key-secret.ts";
import { KeyStore } from "./key-store.ts";

async function open(t: TestContext): Promise<KeyStore> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-gate-"));
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const catalog = stack.use(await SqliteCatalog.open(join(folder, "catalog.sqlite")));
  return new KeyStore(catalog, { now: Date.now, onError: (reason) => assert.fail(String(reason)) });
}

test("where no keys are asked for, everybody is the local user", async (t) => {
  const gate = Gate.of(authConfig.parse({}), await open(t));
  assert.equal(gate.isShut, false);
  for (const header of [undefined, "Bearer nonsense"]) assert.equal((await gate.caller(header)).key, "local");
});

test("of several keys of a configuration each is a caller of its own, so that what one opened ends with it", async (t) => {
  const keys = await open(t);
  const [before, after] = [newSecret(), newSecret()];
  const both = Gate.of(authConfig.parse({ required: true, adminKey: `${after} ${before}` }), keys);
  const [first, second] = [await both.caller(`Bearer ${before}`), await both.caller(`Bearer ${after}`)];
  assert.deepEqual([first.role, second.role], ["admin", "admin"]);
  assert.equal(await both.isGood(first.key), true);
  const last = Gate.of(authConfig.parse({ required: true, adminKey: after }), keys);
  assert.equal(await last.isGood(first.key), false);
  assert.equal(await last.isGood(second.key), true);
  await assert.rejects(last.caller(`Bearer ${before}`), { id: "UNAUTHENTICATED" });
});

test("keys of the catalog, of the configuration and of the process open it; all else is refused in the same words", async (t) => {
  const keys = await open(t);
  const adminKey = "an admin key of 32 or more signs".replaceAll(" ", "-");
  const own = newSecret();
  const stage: Caller = { key: "own-stages", role: "stage", tenant: "*", stages: [] };
  const gate = Gate.of(authConfig.parse({ required: true, adminKey }), keys, [
    { secret: new Secret(own), caller: stage },
  ]);
  assert.equal(gate.isShut, true);
  const { secret } = await keys.create({ name: "x", role: "viewer", tenant: "acme", stages: [], expiresAtMs: 0 });
  assert.equal((await gate.caller(`Bearer ${secret}`)).tenant, "acme");
  assert.equal((await gate.caller(`bearer ${secret}`)).tenant, "acme"); // the scheme's case does not matter: RFC 9110
  assert.deepEqual(await gate.caller(`Bearer ${own}`), stage);
  const admin = await gate.caller(`Bearer ${adminKey}`);
  assert.deepEqual([admin.role, admin.tenant], ["admin", "default"]);

  const expired = await keys.create({ name: "x", role: "admin", tenant: "acme", stages: [], expiresAtMs: 1 });
  const revoked = await keys.create({ name: "x", role: "admin", tenant: "acme", stages: [], expiresAtMs: 0 });
  await keys.revoke(revoked.record.id, "acme");
  const answers = new Set<string>();
  for (const header of [
    undefined,
    "",
    secret,
    "Bearer ",
    `Basic ${secret}`,
    `Bearer ${newSecret()}`,
    `Bearer ${expired.secret}`,
    `Bearer ${revoked.secret}`,
    `Bearer ${"x".repeat(100_000)}`,
  ])
    answers.add(
      await gate.caller(header).then(
        () => assert.fail(`let in: ${header}`),
        (error) => JSON.stringify(error),
      ),
    );
  assert.equal(answers.size, 1);
  assert.match([...answers].join(), /UNAUTHENTICATED/);
});
