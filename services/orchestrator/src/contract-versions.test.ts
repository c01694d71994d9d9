import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeimdexError } from "@heimdex/errors";
import { FutureProxy } from "./testing/future-proxy.ts";
import { json, manifest, port, RawWorker } from "./testing/raw-worker.ts";
import { film, loudness, probe } from "./testing/stages.ts";
import { World } from "./testing/world.ts";

test("the first version that both speak is taken, whatever else the worker speaks", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  for (const protocolVersions of [[1], [7, 1, 3], [4_294_967_295, 1]]) {
    const { protocolVersion } = await worker.work.openSession({ protocolVersions, worker: "w" });
    assert.equal(protocolVersion, 1);
  }
});

test("a worker of other versions is told which ones the server speaks", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  for (const [protocolVersions, asked] of [
    [[7, 8], "7, 8"],
    [[], "no version"],
    [[0], "0"],
    [Array.from({ length: 100_000 }, () => 9), Array.from({ length: 16 }, () => 9).join(", ")],
  ] as const) {
    await assert.rejects(
      worker.work.openSession({ protocolVersions: [...protocolVersions], worker: "w" }),
      (error: HeimdexError) => {
        assert.deepEqual(
          [error.id, error.message, error.metadata.server_versions, error.fields],
          [
            "PROTOCOL_UNSUPPORTED",
            `the worker speaks ${asked}, this server 1`,
            "1",
            [{ field: "protocol_versions", description: "must name one of 1" }],
          ],
        );
        return true;
      },
    );
  }
});

test("worker and server of a later version work with this one: fields that it does not know do no harm, at any depth", async (t) => {
  const world = await World.open(t);
  const proxy = await FutureProxy.open(world.address);
  world.defer(() => proxy[Symbol.asyncDispose]());
  // What this one does not know of an enum counts as its zero value: go on, batch lane, retryable.
  proxy.changes["heimdex.stage.v1.RenewalAnswer"] = (message) => {
    if (message.verdict === 1) message.verdict = 99;
  };
  proxy.changes["heimdex.stage.v1.AcquireLeasesRequest"] = (message) => {
    if (message.lane === 1) message.lane = 99;
  };
  await world.serve([probe(), loudness()], { orchestrator: proxy.address });
  const job = await world.index(await world.file("a.json", film()));
  assert.deepEqual(
    [job.state, ...job.steps.map(({ stage, state }) => `${stage} ${state}`)],
    ["SUCCEEDED", "made.probe OK", "org.example.loudness OK"],
  );
  assert.ok(proxy.messages > 20, `${proxy.messages} messages had unknown fields`);
});

test("a manifest with fields that this server does not know is the same manifest", async (t) => {
  const world = await World.open(t);
  const proxy = await FutureProxy.open(world.address);
  world.defer(() => proxy[Symbol.asyncDispose]());
  const [now, later] = [await world.worker(), await RawWorker.open(proxy.address)];
  world.defer(() => later.close());
  const before = await now.register(manifest("made.one"));
  assert.equal((await later.register(manifest("made.one")))?.digest, before?.digest);
});

test("what a later worker says of a lease in words this server does not know gives it back, and fails as what can be retried", async (t) => {
  const world = await World.open(t, { retry: { attempts: 2, losses: 3, resourceAttempts: 2, baseMs: 1, capMs: 1 } });
  const proxy = await FutureProxy.open(world.address);
  world.defer(() => proxy[Symbol.asyncDispose]());
  const later = await RawWorker.open(proxy.address);
  world.defer(() => later.close());
  await later.register(manifest("made.one"));
  const job = await world.create(await world.file("a.bin", "a"));
  assert.equal((await later.finish(await later.lease(), undefined)).result, "ACCEPTED");
  assert.equal((await world.step(job, "made.one")).failures, 0, "given back");
  proxy.changes["heimdex.stage.v1.Failed"] = (message) => {
    message.kind = 99;
  };
  assert.equal((await later.fail(await later.lease(), { kind: "TERMINAL" })).result, "ACCEPTED");
  assert.equal((await world.step(job, "made.one")).failures, 1);
  assert.equal((await later.complete(await later.lease(), [json("out", 1)])).result, "ACCEPTED");
  assert.equal((await world.settled(job)).state, "SUCCEEDED");
});

test("the digest of a manifest is the same in every version of this server: else every stage would count as changed after an update", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  const stage = await worker.register(
    manifest("made.pinned", {
      version: "1.2.3",
      conditions: ["has_audio"],
      configSchema: '{"type":"object","properties":{"a":{"default":1}}}',
      outputs: [port("out", { schema: "org.example.pinned", layerSchema: "{}" })],
      resources: { cpu: 0.5, memoryMib: 64, gpu: true },
      timeouts: { attemptMs: 1_000, stallMs: 500 },
    }),
  );
  assert.equal(stage?.digest, "97b446bcb1b2253d7187b9148da28dcb7dd4bef6d446defa7e7e4e9c7f6b9cde");
});
