import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Blobs } from "@heimdex/ports";
import { requestSort } from "./commands.ts";
import { json, manifest } from "./testing/raw-worker.ts";
import { film, listen, probe } from "./testing/stages.ts";
import { stoppedClock, World } from "./testing/world.ts";

test("a session and its lease outlive a restart of the server, and the time it was away costs no lease", async (t) => {
  const clock = stoppedClock(t);
  const world = await World.open(t, { acceptWithinMs: 3_000, leaseTtlMs: 5_000 });
  const worker = await world.worker();
  await worker.register(manifest("made.one", { timeouts: { attemptMs: 0, stallMs: 100_000 } }));
  const job = await world.create(await world.file("a.bin", "a"));
  const lease = await worker.lease();
  await worker.renew([lease], { done: 1, total: 2, unit: "films", message: "" });
  await world.stop();
  clock.tick(9_000);
  await world.start();
  const again = await world.worker();
  again.session = worker.session;
  assert.deepEqual(
    (await again.renew([lease])).map(({ verdict }) => verdict),
    ["CONTINUE"],
  );
  assert.equal((await again.complete(lease, [json("out", 1)])).result, "ACCEPTED");
  const { steps, state } = await world.settled(job);
  assert.deepEqual([state, steps[0]?.lost, steps[0]?.epoch], ["SUCCEEDED", 0, 1]);
});

test("an answer that was lost with the server brings the same leases again when it is back, and no others", async (t) => {
  stoppedClock(t);
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const jobs = [await world.create(await world.file("a.bin", "a")), await world.create(await world.file("b.bin", "b"))];
  const lost = await worker.lease({ requestId: "r1" });
  await world.restart();
  const again = await world.worker();
  again.session = worker.session;
  const ask = (requestId: string) => again.acquire({ slots: { "made.one": 2 }, requestId, waitMs: 1_000 });
  const [first, second] = await Promise.all([ask("r1"), ask("r1")]);
  assert.deepEqual(
    [first, second].map((leases) => leases?.map(({ lease, epoch }) => [lease, epoch])),
    [[[lost.lease, lost.epoch]], [[lost.lease, lost.epoch]]],
  );
  const [other] = await ask("r2");
  assert.deepEqual([other?.job, jobs.includes(other?.job ?? "")], [jobs.find((job) => job !== lost.job), true]);
  assert.equal((await again.complete(lost, [json("out", 1)])).result, "ACCEPTED");
  assert.equal((await world.settled(lost.job)).steps[0]?.lost, 0);
});

test("a sole host gives back the leases of the run before at once, and its sessions are over", async (t) => {
  const world = await World.open(t, { soleHost: true });
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const job = await world.create(await world.file("a.bin", "a"));
  const lease = await worker.lease();
  const [url] = await worker.uploads(lease, [3]);
  await fetch(url as string, { method: "PUT", body: "abc" });
  await world.restart();
  const step = await world.step(job, "made.one");
  assert.deepEqual([step.state, step.lost, step.failures], ["READY", 0, 0]);
  assert.equal((await world.ports.blobs.usage("default")).uploads, 0);
  assert.deepEqual(await world.all("sessions"), []);
  const fresh = await world.worker();
  await fresh.register(manifest("made.one"));
  await fresh.complete(await fresh.lease(), [json("out", 1)]);
  await world.settled(job);
  const killed = (await world.spans(job)).filter(({ name }) => name === "attempt made.one");
  assert.deepEqual(killed.map(({ attributes }) => attributes.outcome).sort(), ["completed", "killed"]);
  assert.equal((await readdir(join(world.folder, "run"))).length, 1, "one mount probe");
});

test("stopping answers parked polls and finishes what is being written", async (t) => {
  const world = await World.open(t, { maxWaitMs: 60_000 });
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const job = await world.create(await world.file("a.bin", "a"));
  const lease = await worker.lease();
  const parked = worker.work.acquireLeases(
    { session: worker.id, requestId: "r", slots: [{ stage: "made.one", count: 1 }], wait: { seconds: 60, nanos: 0 } },
    worker.options,
  );
  const finished = worker.complete(lease, [json("out", 1)]);
  await finished;
  await world.stop();
  assert.deepEqual(await parked, { leases: [], drain: true });
  const { settled, state } = await world.job(job);
  assert.deepEqual([settled, state], [true, "SUCCEEDED"]);
  await world.start();
  await world.indexed((await world.job(job)).asset);
});

test("a film that is being read when the server is told to stop is read to its end", async (t) => {
  const size = 32 * 1024 * 1024; // more than the network holds on its way
  const world = await World.open(t, { drainMs: 60_000 });
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  await world.create(await world.file("a.bin", new Uint8Array(size)));
  const [input] = (await worker.lease()).inputs;
  assert.equal(input?.content?.$case, "url");
  const { body } = await fetch(input.content.value);
  assert.ok(body);
  const chunks = body[Symbol.asyncIterator]();
  let read = (await chunks.next()).value?.length ?? 0;
  const stopped = world.stop();
  for await (const chunk of chunks) read += chunk.length;
  assert.equal(read, size);
  await stopped;
});

test("SDK workers ride over a restart on the same port", async (t) => {
  const world = await World.open(t);
  await world.serve([probe(), listen()]);
  await world.index(await world.file("a.json", film()));
  const workerAddress = world.address;
  await world.restart({ workerAddress });
  assert.equal((await world.index(await world.file("b.json", film({ salt: "b" })))).state, "SUCCEEDED");
  await world.restart({ workerAddress, soleHost: true });
  assert.equal((await world.index(await world.file("c.json", film({ salt: "c" })))).state, "SUCCEEDED");
});

test("whatever a crash left waiting is found again, however much it is", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const ids = [];
  for (let number = 0; number < 230; number++) ids.push(world.create(await world.file(`${number}.bin`, `${number}`)));
  const jobs = new Set(await Promise.all(ids));
  await world.until(
    async () => ((await world.ports.catalog.count("jobs", "ready")) === 230 ? true : undefined),
    "all are ready",
  );
  await world.restart();
  const again = await world.worker();
  again.session = worker.session;
  for (let left = 230; left > 0; ) {
    const leases = await again.acquire({ slots: { "made.one": 100 } });
    left -= leases.length;
    const finishes = leases.map(({ lease, epoch, job }) => {
      assert.ok(jobs.delete(job), "each once");
      return {
        lease,
        epoch,
        outcome: { $case: "completed" as const, value: { outputs: [json("out", 1)], partialReason: "" } },
      };
    });
    await again.work.finishLeases({ session: again.id, finishes }, again.options);
  }
  assert.equal(jobs.size, 0);
  await world.until(
    async () =>
      (await world.ports.catalog.count("jobs", "unsettled")) === 0 &&
      (await world.ports.catalog.count("assets", "indexing")) === 0
        ? true
        : undefined,
    "all are settled",
  );
  assert.equal(await world.ports.catalog.count("assets"), 230);
});

test("jobs created before the stages have registered are planned when they have", async (t) => {
  const world = await World.open(t);
  await world.stop();
  await world.start({}, false);
  const job = await world.create(await world.file("a.json", film()));
  await world.serve([probe()]);
  assert.equal((await world.job(job)).state, "QUEUED");
  world.openIntake();
  assert.equal((await world.settled(job)).state, "SUCCEEDED");
});

test("leasing stops while the disk is nearly full, says so, and goes on by itself", async (t) => {
  let free = 5 * 2 ** 30;
  const world = await World.open(t, { minFreeBytes: 2 ** 30 }, (ports) => {
    const blobs: Blobs = new Proxy(ports.blobs, {
      get(target, name) {
        if (name === "freeBytes") return async () => free;
        const value = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    return { ...ports, blobs };
  });
  const paused = async () => (await world.ports.catalog.get<{ reason: string }>("meta", "pause"))?.body.reason;
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  assert.equal(await paused(), undefined);
  free = 3 * 2 ** 20;
  const reason = await world.until(paused, "it pauses");
  assert.equal(reason, "DISK_FULL: 3 MiB free where data lie, leasing stops below 1024 MiB");
  const job = await world.create(await world.file("a.bin", "a"));
  await world.untilJob(job, ({ state }) => state === "RUNNING", "is planned");
  assert.deepEqual(await worker.acquire({ waitMs: 100 }), []);
  const waiting = worker.lease();
  free = 2 * 2 ** 30;
  assert.equal((await waiting).job, job);
  assert.equal(await paused(), undefined);
  free = 0;
  await world.until(paused, "it pauses again");
  await world.stop();
  free = 2 * 2 ** 30;
  await world.start();
  assert.equal(await paused(), undefined, "what a killed host left is not believed");
});

test("two servers on one port, and one beyond this machine, are refused by name", async (t) => {
  const world = await World.open(t);
  const other = world.start({ workerAddress: world.address });
  await assert.rejects(other, { id: "PORT_IN_USE" });
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const reachable = own.filter(({ internal, family }) => !internal && family === "IPv4").map(({ address }) => address);
  for (const host of ["0.0.0.0", "[::]", ...reachable]) {
    await assert.rejects(world.start({ workerAddress: `${host}:0` }), { id: "NOT_LOOPBACK" }, `calls on ${host}`);
    await assert.rejects(world.start({ dataAddress: `${host}:0` }), { id: "NOT_LOOPBACK" }, `bytes on ${host}`);
  }
  await assert.rejects(world.start({ workerAddress: "nonsense" }), { id: "CONFIG_INVALID" });
});

test("silent sessions and old request ids are forgotten", async (t) => {
  const clock = stoppedClock(t);
  const world = await World.open(t, { leaseTtlMs: 100 });
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const uri = await world.file("a.bin", "a");
  const recent = await world.create(uri, { request_id: "recent" });
  const old = {
    op: "insert",
    collection: "requests",
    terms: [],
    sort: requestSort(Date.now() - 25 * 3_600_000),
  } as const;
  await world.ports.catalog.write(
    Array.from({ length: 210 }, (_, n) => ({ ...old, id: `old-${n}`, body: { job: "j_0" } })),
  );
  assert.equal((await world.all("sessions")).length, 1);
  clock.tick(500);
  await world.until(
    async () => ((await world.all("sessions")).length === 0 ? true : undefined),
    "the session is forgotten",
  );
  await world.until(
    async () => ((await world.ports.catalog.count("requests")) === 1 ? true : undefined),
    "old ids are forgotten",
  );
  assert.equal(await world.create(uri, { request_id: "recent" }), recent);
  await assert.rejects(worker.renew([]), { id: "SESSION_UNKNOWN" });
});
