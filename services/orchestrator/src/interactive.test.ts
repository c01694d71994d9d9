import assert from "node:assert/strict";
import { test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { defineStage, json as jsonPort, source } from "@heimdex/stage-sdk";
import { z } from "zod";
import { inline, json, manifest } from "./testing/raw-worker.ts";
import { World } from "./testing/world.ts";

const ask = async (
  world: World,
  stage: string,
  text: string,
  options: { timeoutMs?: number; signal?: AbortSignal } = {},
) => {
  const request = Buffer.from(text).toString("base64");
  const answer = await world.ports.bus.request(
    `interactive.${stage}`,
    { tenant: "default", request },
    { timeoutMs: 5_000, ...options },
  );
  return Buffer.from((answer as { response: string }).response, "base64").toString();
};
/** Nobody answers the stage's requests, or whoever did has just been given another. */
const isUnserved = (reason: unknown) => failedAs("BUS_NO_RESPONDER")(reason) || failedAs("NO_WORKER")(reason);
const failedAs = (id: string) => (reason: unknown) => reason instanceof HeimdexError && reason.id === id;

test("a request is answered by a worker of the stage, also while all its slots are busy", async (t) => {
  const world = await World.open(t);
  const busy = Promise.withResolvers<void>();
  await world.serve([
    defineStage({
      name: "made.embed",
      version: "1.0.0",
      behaviour: 1,
      description: "Embeds.",
      inputs: { source: source() },
      outputs: { out: jsonPort("made.out", z.number()) },
      run: async () => {
        await busy.promise;
        return { out: 1 };
      },
      interactive: async (request) => Buffer.from(`heard ${Buffer.from(request).toString()}`),
    }),
  ]);
  const job = await world.create(await world.file("a.bin", "a"));
  await world.untilJob(job, ({ steps }) => steps[0]?.state === "LEASED", "runs");
  assert.equal(await retryUntilParked(() => ask(world, "made.embed", "one")), "heard one");
  assert.equal(await retryUntilParked(() => ask(world, "made.embed", "two")), "heard two");
  busy.resolve();
  assert.equal((await world.settled(job)).state, "SUCCEEDED");
});

test("without a parked worker a request fails at once", async (t) => {
  const world = await World.open(t);
  const beforeMs = performance.now();
  await assert.rejects(ask(world, "made.embed", "hello"), isUnserved);
  assert.ok(performance.now() - beforeMs < 2_000);
});

test("a failed request, one given back and one nobody waits for any more end cleanly", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.embed"), { interactive: true });
  const parked = async () => {
    const poll = worker.acquire({ interactive: true, waitMs: 2_000 });
    return { poll, lease: () => poll.then(([lease]) => lease as NonNullable<typeof lease>) };
  };
  const asked = async (options: Parameters<typeof ask>[3] = {}) => {
    const { lease } = await parked();
    const answer = retryUntilParked(() => ask(world, "made.embed", "hello", options));
    answer.catch(() => undefined);
    return { answer, lease: await lease() };
  };
  const failed = await asked();
  assert.equal(failed.lease.inputs[0]?.content?.$case, "inline");
  await worker.fail(failed.lease, { reason: "SICK", message: "No." });
  await assert.rejects(
    failed.answer,
    (reason: unknown) => failedAs("UNAVAILABLE")(reason) && /SICK: No\./.test(String(reason)),
  );
  const back = await asked();
  await worker.release(back.lease);
  await assert.rejects(back.answer, failedAs("UNAVAILABLE"));
  const stop = new AbortController();
  const aborted = await asked({ signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(aborted.answer, /enough/);
  const late = await asked({ timeoutMs: 30 });
  await assert.rejects(late.answer, failedAs("BUS_TIMEOUT"));
  assert.equal((await worker.complete(late.lease, [json("response", 1)])).result, "SUPERSEDED");
  const fine = await asked();
  assert.equal((await worker.complete(fine.lease, [inline("response", Buffer.from("yes"))])).result, "ACCEPTED");
  assert.equal(await fine.answer, "yes");
  assert.equal((await worker.complete(fine.lease, [inline("response", Buffer.from("yes"))])).result, "SUPERSEDED");
});

/** The poll is on its way to the server: until it is parked there the lane has nobody. */
async function retryUntilParked<R>(call: () => Promise<R>): Promise<R> {
  for (;;) {
    try {
      return await call();
    } catch (reason) {
      if (!isUnserved(reason)) throw reason;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

test("a session gets requests only of stages it registered for them", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.batch"));
  const poll = worker.acquire({ interactive: true, slots: { "made.batch": 1, "made.embed": 1 }, waitMs: 300 });
  await assert.rejects(ask(world, "made.batch", "hello"), isUnserved);
  await assert.rejects(ask(world, "made.embed", "hello"), isUnserved);
  assert.deepEqual(await poll, []);
});
