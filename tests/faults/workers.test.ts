import assert from "node:assert/strict";
import { test } from "node:test";
import { json, manifest, port } from "@heimdex/orchestrator/testing";
import { TcpProxy } from "@heimdex/stage-kit";
import { assertDoneOnce } from "./done-once.ts";
import { Host, LONG_LEASES, TENANT } from "./host.ts";
import { startRogue } from "./rogue.ts";
import { Worker } from "./worker.ts";

const STAGE = "fault.film";
/** Long enough for a first renewal, which comes 2 s after a lease. */
const SHORT_LEASES = { acceptWithinMs: 4_000, leaseTtlMs: 1_500 } as const;

test("a worker killed before its lease was accepted: another has it after the time to accept", async (t) => {
  const host = await Host.start(t, { ...LONG_LEASES, acceptWithinMs: 1_000 });
  const first = Worker.start(t, host.address);
  await host.untilServed(STAGE);
  const job = await host.index({ name: "pending", is: "wait" });
  await first.until("pending", "begun");
  await first.kill();
  const second = Worker.start(t, host.address);
  second.go("pending");
  await assertDoneOnce(host, job, "pending", 2, 1);
});

test("a worker killed with an active lease: another has it after the time to live", async (t) => {
  const host = await Host.start(t, { ...LONG_LEASES, leaseTtlMs: 1_000 });
  const first = Worker.start(t, host.address);
  await host.untilServed(STAGE);
  const job = await host.index({ name: "active", is: "wait" });
  await first.until("active", "begun");
  await host.untilRenewed((await host.step(job))?.lease?.id ?? "");
  await first.kill();
  const second = Worker.start(t, host.address);
  second.go("active");
  await assertDoneOnce(host, job, "active", 2, 1);
});

test("a worker killed in the middle of an upload: nothing of it is kept", async (t) => {
  const host = await Host.start(t, { ...LONG_LEASES, acceptWithinMs: 1_500 });
  const what = manifest("fault.upload", {
    outputs: [port("out", { schema: "x.bin", mediaType: "application/octet-stream" })],
  });
  const first = await startRogue(t, host.address);
  await first.register(what);
  const job = await host.index({ name: "uploading", is: "done" });
  const lease = await first.lease();
  const bytes = Buffer.alloc(400_000, "x");
  const [url = ""] = await first.uploads(lease, [bytes.length]);
  await first.putHalf(url, bytes);
  await first.kill();
  await host.untilStep(job, ({ state, lost }) => state === "READY" && lost === 1, "the lease is lost");
  assert.equal((await host.blobs.usage(TENANT)).cas, 0);
  await host.until(async () => (await host.blobs.usage(TENANT)).uploads === 0, "the upload is gone");
  const second = await startRogue(t, host.address);
  await second.register(what);
  const again = await second.lease();
  await second.complete(again, [{ ...json("out", "whole"), mediaType: "application/octet-stream" }]);
  const ended = await host.settled(job);
  assert.deepEqual([ended.state, ended.steps[0]?.ending?.lease], ["SUCCEEDED", again.lease]);
});

test("a worker killed when its result has not arrived: the step is done again", async (t) => {
  const host = await Host.start(t, { acceptWithinMs: 5_000, leaseTtlMs: 5_000 });
  await using proxy = await TcpProxy.listen(host.port);
  const first = Worker.start(t, proxy.address);
  await host.untilServed(STAGE);
  const job = await host.index({ name: "unheard", is: "wait" });
  await first.until("unheard", "begun");
  proxy.hold("to server");
  first.go("unheard");
  await first.until("unheard", "returning");
  await first.kill();
  const second = Worker.start(t, host.address);
  second.go("unheard");
  await assertDoneOnce(host, job, "unheard", 2, 1);
});

test("a worker killed when its result was taken and it has not heard so: nothing is done again", async (t) => {
  const host = await Host.start(t, LONG_LEASES);
  await using proxy = await TcpProxy.listen(host.port);
  const first = Worker.start(t, proxy.address);
  await host.untilServed(STAGE);
  const job = await host.index({ name: "finishing", is: "wait" });
  await first.until("finishing", "begun");
  proxy.hold("to client");
  first.go("finishing");
  await host.untilStep(job, ({ state }) => state === "OK", "the result is taken");
  await first.kill();
  await assertDoneOnce(host, job, "finishing", 1, 0);
});

test("a worker frozen beyond its time to live and woken learns that the lease is lost, and the step ends once", async (t) => {
  const host = await Host.start(t, SHORT_LEASES);
  const first = Worker.start(t, host.address);
  await host.untilServed(STAGE);
  const job = await host.index({ name: "frozen", is: "wait" });
  await first.until("frozen", "begun");
  await host.untilRenewed((await host.step(job))?.lease?.id ?? "");
  first.freeze();
  await host.untilStep(job, ({ lost }) => lost === 1, "the lease is lost");
  const second = Worker.start(t, host.address);
  await second.until("frozen", "begun");
  first.wake();
  await first.until("frozen", "aborted");
  second.go("frozen");
  await assertDoneOnce(host, job, "frozen", 2, 1);
});

test("what a frozen worker writes late is refused, every way it could write", async (t) => {
  const host = await Host.start(t, SHORT_LEASES);
  const [first, second] = await Promise.all([startRogue(t, host.address), startRogue(t, host.address)]);
  const what = manifest("fault.raw");
  await first.register(what);
  const job = await host.index({ name: "late", is: "done" });
  const lease = await first.lease();
  const [url = ""] = await first.uploads(lease, [3]);
  await first.renew([lease]);
  first.freeze();
  await host.untilStep(job, ({ lost }) => lost === 1, "the lease is lost");
  await second.register(what);
  const again = await second.lease();
  first.wake();
  const late = await first.complete(lease, [json("out", "late")]);
  assert.deepEqual([late.result, late.reason], ["SUPERSEDED", "LEASE_SUPERSEDED"]);
  assert.equal((await first.fail(lease, {})).result, "SUPERSEDED");
  assert.equal((await first.release(lease)).result, "SUPERSEDED");
  await assert.rejects(first.uploads(lease, [3]), { id: "LEASE_SUPERSEDED" });
  assert.ok((await first.put(url, Buffer.from("abc"))) >= 400);
  assert.deepEqual(
    (await first.renew([lease])).map(({ verdict }) => verdict),
    ["LOST"],
  );
  assert.equal((await second.complete(again, [json("out", "in time")])).result, "ACCEPTED");
  const [step] = (await host.settled(job)).steps;
  assert.deepEqual([step?.ending?.lease, step?.outputs[0]?.sha256], [again.lease, json("out", "in time").sha256]);
});

for (const [which, shiftMs] of [
  ["ahead", 3_600_000],
  ["behind", -3_600_000],
] as const) {
  test(`a worker whose clock is an hour ${which} keeps its lease and does its work`, async (t) => {
    const host = await Host.start(t, LONG_LEASES);
    const shift = `Date.now = ((now) => () => now() + ${shiftMs})(Date.now);
      globalThis.Date = class extends Date { constructor(...args) { super(...(args.length === 0 ? [Date.now()] : args)); } };`;
    const worker = Worker.start(t, host.address, { imports: [`data:text/javascript,${encodeURIComponent(shift)}`] });
    await host.untilServed(STAGE);
    const job = await host.index({ name: "clock", is: "wait" });
    await worker.until("clock", "begun");
    await host.untilRenewed((await host.step(job))?.lease?.id ?? "");
    worker.go("clock");
    await assertDoneOnce(host, job, "clock", 1, 0);
    const spans = await host.until(async () => {
      const found = await host.spans(job);
      return found.some(({ name }) => name === "reading") ? found : undefined;
    }, "its spans are stored");
    const [attempt, reading] = ["attempt fault.film", "reading"].map((name) => spans.find((one) => one.name === name));
    assert.ok(attempt !== undefined && reading !== undefined);
    assert.ok(Math.abs(reading.startMs - attempt.startMs) < 60_000, "in the trace they are where they belong");
  });
}
