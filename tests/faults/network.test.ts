import assert from "node:assert/strict";
import { test } from "node:test";
import { TcpProxy } from "@heimdex/stage-kit";
import { randomOf } from "../crash/random.ts";
import { assertDoneOnce } from "./done-once.ts";
import { Host, LONG_LEASES } from "./host.ts";
import { Worker } from "./worker.ts";

const STAGE = "fault.film";

test("the answer to AcquireLeases is lost: the worker asks again and is given the same lease", async (t) => {
  const host = await Host.start(t, LONG_LEASES);
  await using proxy = await TcpProxy.listen(host.port);
  const worker = Worker.start(t, proxy.address, { slots: 2 });
  await host.untilServed(STAGE);
  // At work on one film, it has asked for another: that answer is the one to be lost.
  await host.index({ name: "first", is: "wait" });
  await worker.until("first", "begun");
  proxy.hold("to client");
  const job = await host.index({ name: "answer", is: "done" });
  const { lease } = await host.untilStep(job, ({ state }) => state === "LEASED", "it is leased");
  assert.ok(!worker.heard.some(({ film }) => film === "answer"), "the worker does not know of it");
  proxy.cut();
  proxy.release("to client");
  const { attempt } = await worker.until("answer", "begun");
  assert.equal(attempt, lease?.epoch);
  await assertDoneOnce(host, job, "answer", 1, 0);
});

test("renewals cut for less than the time to live cost nothing", async (t) => {
  const host = await Host.start(t, LONG_LEASES);
  await using proxy = await TcpProxy.listen(host.port);
  const worker = Worker.start(t, proxy.address);
  await host.untilServed(STAGE);
  const job = await host.index({ name: "hiccup", is: "wait" });
  await worker.until("hiccup", "begun");
  await host.untilRenewed((await host.step(job))?.lease?.id ?? "");
  proxy.refuse();
  const before = proxy.connectedAtMs.length;
  await host.until(() => proxy.connectedAtMs.length > before + 1, "the worker has tried to come back");
  proxy.accept();
  worker.go("hiccup");
  await assertDoneOnce(host, job, "hiccup", 1, 0);
});

test("renewals cut for more than the time to live: the step goes to another, and the first worker stops", async (t) => {
  const host = await Host.start(t, { ...LONG_LEASES, leaseTtlMs: 1_000 });
  await using proxy = await TcpProxy.listen(host.port);
  const first = Worker.start(t, proxy.address);
  await host.untilServed(STAGE);
  const job = await host.index({ name: "outage", is: "wait" });
  await first.until("outage", "begun");
  await host.untilRenewed((await host.step(job))?.lease?.id ?? "");
  proxy.refuse();
  await host.untilStep(job, ({ lost }) => lost === 1, "the lease is lost");
  const second = Worker.start(t, host.address);
  await second.until("outage", "begun");
  proxy.accept();
  await first.until("outage", "aborted");
  second.go("outage");
  const step = await host.untilStep(job, ({ state }) => state === "OK", "it is done");
  await assertDoneOnce(host, job, "outage", step.epoch, step.lost);
  assert.equal(first.ended, false, "it goes on with other work");
});

test("a network that delays, halves and drops what passes: every film is done, and committed once", async (t) => {
  const seed = Number(process.env.FAULTS_SEED ?? Math.floor(Math.random() * 2 ** 31));
  t.diagnostic(`seed: FAULTS_SEED=${seed}`);
  const host = await Host.start(t, LONG_LEASES);
  await using proxy = await TcpProxy.listen(host.port);
  Worker.start(t, proxy.address, { slots: 4 });
  await host.untilServed(STAGE);
  proxy.disturb({ delayMs: 20, halve: true, drop: 0.03, random: randomOf(seed) });
  const jobs = new Map<string, string>();
  const done = async () => {
    const states = await Promise.all([...jobs.values()].map((job) => host.job(job)));
    return states.every(({ settled }) => settled);
  };
  for (let film = 0; film < 200 && (proxy.dropped < 3 || film < 12); film++) {
    // Results of 300 KB and more are not sent inline: their uploads go past the proxy.
    jobs.set(
      `bad line ${film}`,
      await host.index({ name: `bad line ${film}`, is: "done", filler: film % 3 === 0 ? 300_000 : 0 }),
    );
    if (film % 6 === 5) await host.until(done, "these films are done");
  }
  await host.until(done, "all films are done");
  assert.ok(proxy.dropped >= 3, `${proxy.dropped} connections dropped`);
  for (const job of jobs.values()) {
    const { state, steps } = await host.job(job);
    assert.deepEqual([state, steps[0]?.state, steps[0]?.failures], ["SUCCEEDED", "OK", 0]);
  }
  for (const { id, version } of await host.all("cache")) assert.equal(version, 1, `${id} was committed once`);
});
