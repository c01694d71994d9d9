import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import type { AssetRecord } from "@heimdex/kernel";
import type { Sidecar } from "@heimdex/sidecar";
import { sidecarName, writeRevision } from "./sidecar-revision.ts";
import { film, listen, probe } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

/** A world with an asset whose sidecar has one revision, and what makes further ones. */
async function oneAsset(t: Parameters<typeof World.open>[0]) {
  const world = await World.open(t);
  await world.serve([probe(), listen()]);
  const { asset: id } = await world.index(await world.file("a.json", film({ said: [{ at: 0, text: "hello" }] })));
  await world.indexed(id);
  const { catalog, blobs } = world.ports;
  const next = async (title: string): Promise<Sidecar> => {
    const sidecar = await world.sidecar(id);
    return { ...sidecar, revision: sidecar.revision + 1, asset: { ...sidecar.asset, title } };
  };
  const stored = () => catalog.get<AssetRecord>("assets", id);
  const write = async (sidecar: Sidecar, at: Awaited<ReturnType<typeof stored>>) =>
    writeRevision(world.ports, sidecar, at?.body as AssetRecord, at);
  const names = () => blobs.listNamed(TENANT, `sidecars/${id}/`, undefined, 100);
  return { world, id, next, stored, write, names };
}

test("of two who write the next revision one names it, and nothing is written over what it named", async (t) => {
  const { world, id, next, stored, write } = await oneAsset(t);
  const before = await stored();
  const [mine, theirs] = [await next("mine"), await next("theirs")];
  const results = await Promise.all([write(mine, before), write(theirs, before)]);
  const at = results.findIndex((revision) => revision !== undefined);
  assert.equal(results.filter((revision) => revision !== undefined).length, 1);
  const { sidecarRevision } = await world.asset(id);
  assert.equal(sidecarRevision, results[at]);
  assert.equal((await world.sidecar(id)).asset.title, ["mine", "theirs"][at]);
  assert.equal((await world.sidecar(id)).revision, sidecarRevision, "it says its own number");
  const late = await write(await next("late"), before);
  assert.equal(late, undefined, "who comes with what is old names nothing");
  assert.equal((await world.sidecar(id)).asset.title, ["mine", "theirs"][at]);
});

test("who does the same as one that was killed before it could name it takes what that one wrote", async (t) => {
  const { world, id, next, stored, write, names } = await oneAsset(t);
  const sidecar = await next("new");
  await world.ports.blobs.createNamed(TENANT, sidecarName(id, 2), Buffer.from(JSON.stringify(sidecar)));
  assert.equal(await write({ ...sidecar, written_at: "2030-01-01T00:00:00.000Z" }, await stored()), 2);
  assert.deepEqual(
    await names(),
    [1, 2].map((revision) => sidecarName(id, revision)),
  );
  assert.equal((await world.sidecar(id)).written_at, sidecar.written_at);
});

test("what was left behind by others that were killed is neither named nor kept", async (t) => {
  const { world, id, next, stored, write, names } = await oneAsset(t);
  const put = async (revision: number, bytes: string) =>
    assert.equal(await world.ports.blobs.createNamed(TENANT, sidecarName(id, revision), Buffer.from(bytes)), true);
  await put(2, JSON.stringify(await next("of another job")));
  await put(3, "cut o");
  assert.equal(await write(await next("new"), await stored()), 4);
  assert.deepEqual(
    await names(),
    [1, 4].map((revision) => sidecarName(id, revision)),
  );
  assert.deepEqual([(await world.sidecar(id)).asset.title, (await world.sidecar(id)).revision], ["new", 4]);
});

test("a job whose sidecar finds the store away waits for it, however often", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), listen()]);
  const { blobs } = world.ports;
  const createNamed = blobs.createNamed.bind(blobs);
  let refusals = 4;
  t.mock.method(blobs, "createNamed", (async (...args) => {
    if (refusals-- > 0) throw new HeimdexError("BLOB_UNAVAILABLE", "the store is away");
    return createNamed(...args);
  }) satisfies typeof createNamed);
  const { state, reason } = await world.index(await world.file("a.json", film({ said: [{ at: 0, text: "hello" }] })));
  assert.deepEqual([state, reason, refusals], ["SUCCEEDED", "", -1]);
});
