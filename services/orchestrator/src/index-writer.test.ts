import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { HeimdexError } from "@heimdex/errors";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import type { OrchestratorPorts } from "./ports.ts";
import { film, listen, probe } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

type Write = "replaceAssets" | "removeAssets" | "clear";

/** With some calls of an object held, refused or noted first. */
function before<T extends object>(target: T, hook: (key: string | symbol, args: unknown[]) => Promise<void>): T {
  return new Proxy(target, {
    get: (_, key) => {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      return async (...args: unknown[]) => {
        await hook(key, args);
        return value.apply(target, args) as unknown;
      };
    },
  });
}

/** Two replicas, each with an adapter of its own to the one index. The first has the upkeep, and can be stopped at its next write of a kind: then it hears nothing, and
 * cannot renew its lease. */
async function two(t: TestContext) {
  const written = { a: 0, b: 0 };
  let stopAt: { write: Write; stopped: () => void; woken: Promise<void> } | undefined;
  let isDeaf = false;
  let own: OrchestratorPorts | undefined;
  const world = await World.open(t, { healEveryMs: 200 }, (ports) => {
    own = ports;
    return {
      ...ports,
      catalog: before(ports.catalog, async (key, [ops]) => {
        if (isDeaf && key === "write" && (ops as { collection: string }[]).some((op) => op.collection === "leases"))
          throw new HeimdexError("CATALOG_UNAVAILABLE", "as if it had been stopped");
      }),
      index: before(ports.index, async (key) => {
        if (key === "replaceAssets") written.a++;
        if (stopAt?.write !== key) return;
        const { stopped, woken } = stopAt;
        stopAt = undefined;
        isDeaf = true;
        stopped();
        await woken;
      }),
    };
  });
  assert.ok(own);
  const open = async () => {
    const options = { analyze, analyzerId: ANALYZER_ID, readConsistencySeconds: 0 };
    const index = await LanceMomentIndex.open(join(world.folder, "index"), options);
    world.defer(() => index[Symbol.asyncDispose]());
    return index;
  };
  const index = await open();
  const counted = before(index, async (key) => {
    if (key === "replaceAssets") written.b++;
  });
  await world.replica({}, { ...own, index: counted });
  await world.serve([probe(), listen()]);
  let films = 0;
  const add = async () => (await world.index(await world.file(`${films}.json`, film({ salt: String(films++) })))).asset;
  const holder = async () => (await world.ports.catalog.get<{ holder: string }>("leases", "upkeep"))?.body.holder;
  /** Resolves once it is stopped there and the other has taken over. */
  const freeze = (write: Write) => {
    const [stopped, woken] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    stopAt = { write, stopped: stopped.resolve, woken: woken.promise };
    const succeeded = stopped.promise.then(async () => {
      const first = await holder();
      await world.until(async () => (await holder()) !== first || undefined, "the other has the upkeep");
    });
    return { succeeded, wake: woken.resolve };
  };
  return { world, written, index, open, add, freeze };
}

test("who was stopped while it wrote the index writes no further, and its successor has written it once", async (t) => {
  const { world, written, index, add, freeze } = await two(t);
  await world.indexed(await add());
  const { rows } = await index.stats(TENANT);
  const { succeeded, wake } = freeze("replaceAssets");
  const asset = await add();
  await succeeded;
  const { indexedRevision } = await world.indexed(asset);
  assert.equal(indexedRevision, 1);
  wake();
  await world.indexed(await add());
  assert.deepEqual(written, { a: 2, b: 2 });
  assert.deepEqual(
    world.logged.filter(({ level }) => level >= 50).map(({ msg }) => msg),
    [],
  );
  assert.equal((await index.stats(TENANT)).rows, rows * 3);
  assert.equal((await index.list({ tenant: TENANT }, 0, 100)).total, rows * 3);
});

for (const write of ["removeAssets", "clear"] as const)
  test(`one that was stopped at ${write} changes nothing of what its successor wrote`, async (t) => {
    const { world, index, add, freeze } = await two(t);
    const [asset] = [await add(), await add()];
    for (const { id } of await world.all("assets")) await world.indexed(id);
    const { rows } = await index.stats(TENANT);
    const { succeeded, wake } = freeze(write);
    const command =
      write === "clear"
        ? world.command("SystemService.Reindex", {})
        : world.command("AssetService.DeleteAsset", { asset });
    const refused = assert.rejects(command, { id: "INDEX_FENCED" });
    await succeeded;
    await world.indexed(await add());
    wake();
    await refused;
    await world.indexed(await add());
    assert.equal((await index.list({ tenant: TENANT }, 0, 100)).total, rows * 2);
  });

test("an index that was emptied behind its writer's back is filled again with its next write", async (t) => {
  const { world, index, open, add } = await two(t);
  for (let n = 0; n < 3; n++) await world.indexed(await add());
  const { rows } = await index.stats(TENANT);
  const other = await open();
  await other.clear();
  assert.equal((await other.stats(TENANT)).rows, 0);
  await world.indexed(await add());
  for (const { id } of await world.all("assets")) await world.indexed(id);
  assert.equal((await other.list({ tenant: TENANT }, 0, 100)).total, (rows / 3) * 4);
});
