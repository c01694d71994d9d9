import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { HeimdexError } from "@heimdex/errors";
import type { Catalog } from "@heimdex/ports";
import { CatalogLease } from "./catalog-lease.ts";

/** Two who want one lease of 1,000 ms, each with a clock of its own that only the test moves. */
async function pair(t: TestContext) {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-lease-"));
  const catalog = await SqliteCatalog.open(join(folder, "catalog.sqlite"));
  t.after(async () => {
    await catalog[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  const of = (holder: string, startMs: number, on: Catalog = catalog) => {
    const clock = { ms: startMs };
    const lease = new CatalogLease(on, { name: "upkeep", holder, ttlMs: 1_000, nowMs: () => clock.ms });
    return { lease, clock };
  };
  // Days apart: only durations count.
  return { catalog, of, a: of("a", 5), b: of("b", 1_000_000_000) };
}

test("one holds it for as long as it renews", async (t) => {
  const { a, b } = await pair(t);
  assert.equal(await a.lease.tend(), true);
  for (let turn = 0; turn < 10; turn++) {
    assert.equal(await b.lease.tend(), false);
    a.clock.ms += 700;
    b.clock.ms += 700;
    assert.equal(await a.lease.tend(), true);
  }
  assert.equal(await b.lease.holder(), "a");
});

test("a holder that is not heard of loses it after its time to live, and knows before it does", async (t) => {
  const { a, b } = await pair(t);
  await a.lease.tend();
  await b.lease.tend();
  a.clock.ms += 800;
  b.clock.ms += 800;
  assert.equal(a.lease.held, false, "it stops short of the time to live");
  assert.equal(await b.lease.tend(), false);
  b.clock.ms += 200;
  assert.equal(await b.lease.tend(), true);
  assert.equal(await a.lease.tend(), false);
  assert.equal(a.lease.held, false);
});

test("who comes later counts from when it first looked", async (t) => {
  const { a, of } = await pair(t);
  await a.lease.tend();
  const late = of("late", 0);
  late.clock.ms = 50_000;
  assert.equal(await late.lease.tend(), false);
  late.clock.ms += 999;
  assert.equal(await late.lease.tend(), false);
  late.clock.ms += 1;
  assert.equal(await late.lease.tend(), true);
});

test("what is given up is free at once", async (t) => {
  const { a, b } = await pair(t);
  await a.lease.tend();
  assert.equal(await b.lease.tend(), false);
  await a.lease[Symbol.asyncDispose]();
  await a.lease[Symbol.asyncDispose]();
  assert.equal(a.lease.held, false);
  assert.equal(await b.lease.tend(), true);
  assert.equal(await a.lease.tend(), false);
});

test("a renewal whose answer was lost is not taken for somebody else's", async (t) => {
  const { catalog, of } = await pair(t);
  let isLost = false;
  const deaf = new Proxy(catalog, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        const result: unknown = await value.apply(target, args);
        if (key === "write" && isLost) throw new HeimdexError("CATALOG_UNAVAILABLE", "the answer was lost");
        return result;
      };
    },
  });
  const { lease, clock } = of("a", 0, deaf);
  await lease.tend();
  isLost = true;
  await assert.rejects(lease.tend());
  assert.equal(lease.held, true, "what it had still counts");
  isLost = false;
  clock.ms += 900;
  assert.equal(lease.held, false);
  assert.equal(await lease.tend(), true);
});

test("of many who see it free at once one gets it", async (t) => {
  const { of } = await pair(t);
  const all = Array.from({ length: 20 }, (_, index) => of(`r${index}`, index));
  const got = await Promise.all(all.map(({ lease }) => lease.tend()));
  assert.equal(got.filter(Boolean).length, 1);
});
