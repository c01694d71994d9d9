import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import type { KeyRecord } from "./key-record.ts";
import { isSecret, secretHash } from "./key-secret.ts";
import { KeyStore, type NewKey } from "./key-store.ts";

const asked: NewKey = { name: "cutting room", role: "editor", tenant: "acme", stages: [], expiresAtMs: 0 };
const START_MS = 1_800_000_000_000;

async function open(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-keys-"));
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const catalog = stack.use(await SqliteCatalog.open(join(folder, "catalog.sqlite")));
  const clock = { nowMs: START_MS };
  const errors: unknown[] = [];
  const options = { now: () => clock.nowMs, onError: (reason: unknown) => errors.push(reason) };
  return {
    folder,
    catalog,
    clock,
    errors,
    keys: new KeyStore(catalog, options),
    other: new KeyStore(catalog, options),
  };
}

test("a key opens what it was made for, and only its hash is on the disk", async (t) => {
  const { folder, keys, other } = await open(t);
  const { record, secret } = await keys.create(asked);
  assert.equal(isSecret(secret), true);
  assert.equal(Buffer.from(secret.slice(4), "base64url").length, 32);
  assert.deepEqual(await other.find(secret), { key: record.id, role: "editor", tenant: "acme", stages: [] });
  assert.equal(record.hash, secretHash(secret));
  for (const file of ["catalog.sqlite", "catalog.sqlite-wal"])
    assert.equal((await readFile(join(folder, file))).includes(secret.slice(4)), false, file);
});

test("what is no key, or nobody's, opens nothing", async (t) => {
  const { keys } = await open(t);
  const { secret } = await keys.create(asked);
  const other = `hdx_${"A".repeat(43)}`;
  for (const wrong of ["", "hdx_", secret.slice(0, -1), `${secret}A`, secret.toLowerCase(), other, secretHash(secret)])
    assert.equal(await keys.find(wrong), undefined, wrong);
});

test("a revoked key opens nothing at once, on every replica; revoking again changes nothing", async (t) => {
  const { keys, other, clock } = await open(t);
  const { record, secret } = await keys.create(asked);
  assert.notEqual(await other.find(secret), undefined);
  const revoked = await keys.revoke(record.id, "acme");
  assert.equal(await other.find(secret), undefined);
  clock.nowMs += 1_000;
  assert.equal((await keys.revoke(record.id, undefined)).revokedAtMs, revoked.revokedAtMs);
  await assert.rejects(keys.rotate(record.id, "acme", 0), { id: "KEY_REVOKED" });
});

test("a key is good up to the instant it expires", async (t) => {
  const { keys, clock } = await open(t);
  const { secret } = await keys.create({ ...asked, expiresAtMs: START_MS + 1_000 });
  clock.nowMs = START_MS + 999;
  assert.notEqual(await keys.find(secret), undefined);
  clock.nowMs = START_MS + 1_000;
  assert.equal(await keys.find(secret), undefined);
});

test("a rotated key keeps its id; the secret before is good for the overlap alone", async (t) => {
  const { keys, clock } = await open(t);
  const first = await keys.create(asked);
  const second = await keys.rotate(first.record.id, "acme", 60_000);
  assert.equal(second.record.id, first.record.id);
  clock.nowMs += 59_999;
  assert.equal((await keys.find(first.secret))?.key, first.record.id);
  assert.equal((await keys.find(second.secret))?.key, first.record.id);
  clock.nowMs += 1;
  assert.equal(await keys.find(first.secret), undefined);
  const third = await keys.rotate(first.record.id, "acme", 0);
  assert.equal(await keys.find(second.secret), undefined);
  assert.notEqual(await keys.find(third.secret), undefined);
});

test("another tenant's key is one that does not exist", async (t) => {
  const { keys } = await open(t);
  const { record, secret } = await keys.create(asked);
  for (const change of [(id: string) => keys.revoke(id, "globex"), (id: string) => keys.rotate(id, "globex", 0)]) {
    const [theirs, missing] = await Promise.all(
      [record.id, "k_0000000000000000"].map((id) =>
        change(id).then(
          () => assert.fail("it was changed"),
          (error) => JSON.stringify(error).replaceAll(id, "ID"),
        ),
      ),
    );
    assert.equal(theirs, missing);
  }
  assert.notEqual(await keys.find(secret), undefined);
});

test("the last use is written at most once a minute, and a failure to write it stops nobody", async (t) => {
  const { keys, catalog, clock, errors } = await open(t);
  const { record, secret } = await keys.create(asked);
  const lastUse = async () => (await catalog.get<KeyRecord>("keys", record.id))?.body.lastUsedAtMs;
  assert.equal(await lastUse(), 0);
  const before = catalog.writes;
  await keys.find(secret);
  clock.nowMs += 59_999;
  await keys.find(secret);
  assert.equal(catalog.writes, before + 1);
  assert.equal(await lastUse(), START_MS);
  clock.nowMs += 1;
  await keys.find(secret);
  assert.equal(await lastUse(), START_MS + 60_000);

  const failing = new Proxy(catalog, {
    get: (target, name) => {
      if (name === "write") return () => Promise.reject(new Error("no room"));
      const value = Reflect.get(target, name) as unknown;
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const full = new KeyStore(failing, { now: () => clock.nowMs + 120_000, onError: (reason) => errors.push(reason) });
  assert.equal((await full.find(secret))?.key, record.id);
  assert.deepEqual(errors.map(String), ["Error: no room"]);
});
