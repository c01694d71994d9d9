import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { type UploadRecord, uploadDocument, uploadId, uploadRecordId } from "@heimdex/kernel";
import { uploadUri } from "@heimdex/sources";
import { dropOldUploads } from "./old-uploads.ts";
import { json, manifest } from "./testing/raw-worker.ts";
import { film, probe } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

const DAY_MS = 24 * 3_600_000;

async function once(bytes: Buffer) {
  return (async function* () {
    yield bytes;
  })();
}

/** A film that was uploaded an hour ago, and lives for a day. */
async function uploaded(world: World, content: string, more: Partial<UploadRecord> = {}) {
  const bytes = Buffer.from(content);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const key = { tenant: TENANT, sha256, size: bytes.length };
  await world.ports.blobs.put(key, await once(bytes));
  const upload = uploadId(sha256, bytes.length);
  const record: UploadRecord = {
    ...{ ...key, upload, name: "a.json", present: true, brought: true, job: "", expiresAtMs: Date.now() + DAY_MS },
    ...more,
  };
  await world.ports.catalog.write([{ op: "put", ...uploadDocument(record) }]);
  const { catalog, blobs } = world.ports;
  return {
    uri: uploadUri(sha256, bytes.length, "a.json"),
    isThere: () => blobs.has(key),
    isNoted: async () => (await catalog.get("uploads", uploadRecordId(TENANT, upload))) !== undefined,
    sweep: (days: number) => dropOldUploads(catalog, blobs, Date.now() + days * DAY_MS),
  };
}

async function openWorld(t: TestContext): Promise<World> {
  const world = await World.open(t);
  await world.serve([probe()]);
  return world;
}

test("an upload is indexed like any film, and goes with its asset and not before", async (t) => {
  const world = await openWorld(t);
  const { uri, isThere, isNoted, sweep } = await uploaded(world, film());
  const job = await world.index(uri);
  assert.equal(job.state, "SUCCEEDED", job.reason);
  const asset = await world.indexed(job.asset);
  assert.deepEqual([asset.title, asset.sources.map((source) => source.uri)], ["a.json", [uri]]);
  assert.equal(await sweep(2), 0);
  assert.deepEqual([await isThere(), await isNoted()], [true, false]);
  await world.command("AssetService.DeleteAsset", { asset: job.asset });
  assert.equal(await isThere(), false);
  await assert.rejects(
    world.create(uri),
    (reason: unknown) => reason instanceof HeimdexError && reason.id === "SOURCE_NOT_FOUND",
  );
});

test("an upload that nobody made a job of goes when its life is over", async (t) => {
  const world = await openWorld(t);
  const { isThere, isNoted, sweep } = await uploaded(world, film());
  assert.equal(await sweep(0.5), 0);
  assert.equal(await isThere(), true);
  assert.equal(await sweep(2), 1);
  assert.deepEqual([await isThere(), await isNoted()], [false, false]);
});

test("bytes that were there before an upload was announced are not its to remove", async (t) => {
  const world = await openWorld(t);
  const { isThere, isNoted, sweep } = await uploaded(world, film(), { brought: false });
  await sweep(2);
  assert.deepEqual([await isThere(), await isNoted()], [true, false]);
});

test("an upload whose job has not ended is left, one whose job failed goes", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const { uri, isThere, sweep } = await uploaded(world, "a");
  const job = await world.create(uri);
  const lease = await worker.lease();
  assert.equal(await sweep(2), 0);
  assert.equal(await isThere(), true);
  await worker.fail(lease, { kind: "TERMINAL" });
  assert.equal((await world.settled(job)).state, "FAILED");
  assert.equal(await sweep(4), 1);
  assert.equal(await isThere(), false);
});

test("a worker reads an upload by its lease, and by its path where it sees the mount", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const { uri } = await uploaded(world, "0123456789");
  const job = await world.create(uri);
  const lease = await worker.lease();
  const [input] = lease.inputs;
  const url = input?.content?.$case === "url" ? input.content.value : "";
  assert.equal(await (await fetch(url, { headers: { range: "bytes=2-4" } })).text(), "234");
  await worker.complete(lease, [json("out", 1)]);
  assert.equal((await world.settled(job)).state, "SUCCEEDED");
});
