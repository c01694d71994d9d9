import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { OrchestratorConfig } from "./config.ts";
import type { OrchestratorPorts } from "./ports.ts";
import { ask, embedStage, retryUntilParked } from "./testing/interactive.ts";
import { lossy } from "./testing/lossy.ts";
import { inline, json, manifest, type RawWorker } from "./testing/raw-worker.ts";
import { film, listen, probe } from "./testing/stages.ts";
import { stoppedClock, TENANT, World } from "./testing/world.ts";

/** No sweep comes in time: what is done is done by hints. */
const NEVER_MS = 3_600_000;
const one = manifest("made.one");
const done = (worker: RawWorker, held: { lease: string; epoch: number }) =>
  worker.complete(held, [json("out", { done: true })]);

/** Two orchestrators over one catalog. The first takes jobs in and does the rest of the upkeep.
 * @param lost beginnings of subjects whose messages get lost */
async function two(t: TestContext, config: Partial<OrchestratorConfig> = {}, lost: readonly string[] = []) {
  let bus: ReturnType<typeof lossy> | undefined;
  const wrap = (ports: OrchestratorPorts) => {
    bus = lossy(ports.bus, ...lost);
    return { ...ports, bus };
  };
  const world = await World.open(t, { healEveryMs: NEVER_MS, ...config }, wrap);
  const b = await world.replica();
  const workerAt = async (address: string, what = one) => {
    const worker = await world.worker(undefined, address);
    await worker.register(what);
    return worker;
  };
  const also = (worker: RawWorker, address: string) => {
    const there = worker.at(address);
    world.defer(() => there.close());
    return there;
  };
  let films = 0;
  const film = async () => world.file(`${films}.bin`, `film ${films++}`);
  assert.ok(bus);
  return {
    world,
    bus,
    a: world.address,
    b: b.workerAddress,
    stopB: () => b[Symbol.asyncDispose](),
    workerAt,
    also,
    film,
  };
}

test("a step that becomes ready on one replica is leased at once to a worker that waits at another", async (t) => {
  const { world, b, workerAt, film } = await two(t);
  const worker = await workerAt(b);
  const lease = worker.lease({ waitMs: 2_000 });
  const job = await world.create(await film());
  assert.equal((await lease).job, job);
  assert.equal((await done(worker, await lease)).result, "ACCEPTED");
  assert.equal((await world.settled(job)).state, "SUCCEEDED");
});

test("a step whose hint was lost is leased with the next sweep, one that nobody waited for with the next poll", async (t) => {
  const { world, a, b, workerAt, film } = await two(t, { healEveryMs: 100 }, ["work.", "events."]);
  const worker = await workerAt(b);
  const parked = worker.lease({ waitMs: 2_000 });
  const first = await world.create(await film());
  assert.equal((await parked).job, first);
  await (await workerAt(a, manifest("made.two"))).acquire({ waitMs: 0 });
  const second = await world.create(await film());
  await world.untilJob(second, ({ steps }) => steps[0]?.state === "READY", "is ready");
  assert.equal((await worker.lease({ waitMs: 1_000 })).job, second);
});

test("what was lost while the bus was away is found when it is back, without a sweep", async (t) => {
  const { world, b, bus, workerAt, film } = await two(t, {}, ["work.ready", "work.queued", "events."]);
  const parked = (await workerAt(b)).lease({ waitMs: 20_000 });
  // Calls of the API go to the replicas in turn: what comes to the second is not heard of by the first, which takes jobs in.
  const jobs = [await world.create(await film()), await world.create(await film())];
  bus.reconnect();
  for (const id of jobs) await world.untilJob(id, ({ steps }) => steps.length > 0, "is planned");
  bus.reconnect();
  assert.ok(jobs.includes((await parked).job));
});

test("a request that a person waits for is answered, though the worker's calls go to all replicas in turn", async (t) => {
  const { world, a, b } = await two(t);
  await world.serve([embedStage()], { orchestrator: `ipv4:${a},${b}` });
  for (let n = 0; n < 12; n++)
    assert.equal(await retryUntilParked(() => ask(world, "made.embed", `${n}`, { timeoutMs: 20_000 })), `heard ${n}`);
});

test("an answer that comes to another replica counts once, and not where its request is no longer waited for", async (t) => {
  const { world, a, b, stopB, workerAt, also } = await two(t);
  const worker = await workerAt(b);
  await worker.register(manifest("made.embed"), { interactive: true });
  const there = also(worker, a);
  const asked = async () => {
    const poll = worker.acquire({ interactive: true, waitMs: 20_000 });
    const answer = retryUntilParked(() => ask(world, "made.embed", "x", { timeoutMs: 20_000 }));
    answer.catch(() => undefined);
    const [lease] = await poll;
    assert.ok(lease);
    return { lease, answer };
  };
  const yes = [inline("response", Buffer.from("yes"))];
  const first = await asked();
  assert.equal((await there.complete(first.lease, yes)).result, "ACCEPTED");
  assert.equal(await first.answer, "yes");
  assert.equal((await there.complete(first.lease, yes)).result, "SUPERSEDED");
  const second = await asked();
  await stopB();
  assert.equal((await there.complete(second.lease, yes)).result, "SUPERSEDED");
});

test("of workers at both replicas one gets a step, and each step goes to one", async (t) => {
  const { world, a, b, workerAt, film } = await two(t);
  const workers = await Promise.all([workerAt(a), workerAt(b), workerAt(a), workerAt(b)]);
  const leases: string[] = [];
  const working = workers.map(async (worker) => {
    while (leases.length < 12) {
      for (const lease of await worker.acquire({ waitMs: 500 })) {
        leases.push(lease.job);
        assert.equal((await done(worker, lease)).result, "ACCEPTED");
      }
    }
  });
  const jobs = await Promise.all(Array.from({ length: 12 }, async () => world.create(await film())));
  await Promise.all(working);
  assert.deepEqual(leases.sort(), jobs.sort());
  for (const job of jobs) {
    const { steps } = await world.settled(job);
    assert.deepEqual([steps[0]?.epoch, steps[0]?.lost], [1, 0]);
  }
});

for (const [name, lost] of [
  ["", []],
  [", also when the replicas hear nothing of each other", ["events.", "work."]],
] as const)
  test(`a cancelled job ends its worker's attempt with the next renewal, whichever replica is asked${name}`, async (t) => {
    const { world, a, b, workerAt, also, film } = await two(t, { healEveryMs: 200 }, lost);
    const worker = await workerAt(b);
    for (let turn = 0; turn < 4; turn++) {
      const job = await world.create(await film());
      const lease = await worker.lease();
      for (const at of [worker, also(worker, a)])
        assert.deepEqual(
          (await at.renew([lease])).map(({ verdict }) => verdict),
          ["CONTINUE"],
        );
      await world.command("JobService.CancelJob", { job }); // the replicas take turns
      for (const at of [worker, also(worker, a), also(worker, b)])
        assert.deepEqual(
          (await at.renew([lease])).map(({ verdict }) => verdict),
          ["CANCEL"],
        );
    }
  });

test("a lease is renewed, uploaded to and finished at another replica than granted it, and its URLs are good there", async (t) => {
  const config = { acceptWithinMs: 5_000, leaseTtlMs: 5_000 };
  const clock = stoppedClock(t);
  const { world, a, b, workerAt, also, film } = await two(t, config, ["events."]);
  const worker = await workerAt(a);
  const there = also(worker, b);
  const job = await world.create(await film());
  const lease = await worker.lease();
  for (let turn = 0; turn < 4; turn++) {
    assert.equal((await there.renew([lease], { done: turn, total: 9, unit: "", message: "" }))[0]?.verdict, "CONTINUE");
    clock.tick(4_000);
    assert.deepEqual(await worker.acquire({ waitMs: 60 }), [], "it is not lost at the first replica");
  }
  const [input] = lease.inputs;
  assert.ok(input?.content?.$case === "url");
  const bytes = Buffer.alloc(70_000, "x");
  const [here] = await worker.uploads(lease, [bytes.byteLength], 7);
  const [url] = await there.uploads(lease, [bytes.byteLength]);
  assert.ok(url && here);
  const other = new URL(url).host;
  assert.notEqual(new URL(here).host, other);
  const source = new URL(input.content.value);
  source.host = other;
  assert.equal(await (await fetch(source)).text(), "film 0");
  const elsewhere = new URL(url);
  elsewhere.host = new URL(here).host;
  assert.equal((await fetch(elsewhere, { method: "PUT", body: bytes })).status, 200);
  const output = { ...inline("out", bytes), content: { $case: "upload", value: 0 } as const };
  const answer = await there.complete(lease, [{ ...output, mediaType: "application/json" }]);
  assert.equal(answer.result, "ACCEPTED");
  assert.equal((await world.settled(job)).steps[0]?.epoch, 1);
  assert.equal((await done(worker, lease)).result, "ACCEPTED", "repeated at the first, it is answered again");
  assert.equal((await fetch(input.content.value)).status, 409, "the URL ended with the lease");
  await world.until(
    async () => ((await world.ports.blobs.usage(TENANT)).uploads === 0 ? true : undefined),
    "uploads go",
  );
});

test("a request for work that is repeated at another replica brings the same leases, and no others", async (t) => {
  const { world, a, b, workerAt, also, film } = await two(t);
  const worker = await workerAt(a);
  for (let n = 0; n < 3; n++) await world.create(await film());
  const slots = { "made.one": 2 };
  const first = await worker.acquire({ slots, requestId: "r1" });
  const again = await also(worker, b).acquire({ slots, requestId: "r1" });
  assert.deepEqual(new Set(again.map(({ lease }) => lease)), new Set(first.map(({ lease }) => lease)));
  assert.deepEqual(again[0]?.config, first[0]?.config);
  const [other] = await also(worker, b).acquire({ slots: { "made.one": 1 }, requestId: "r2" });
  assert.ok(other && !first.some(({ job }) => job === other.job));
});

test("a session opened at one replica is known at the other at once, with what it registers, and ends there with its polls", async (t) => {
  const { world, a, b, workerAt, also, film } = await two(t);
  const worker = await workerAt(a, manifest("made.other"));
  const there = also(worker, b);
  assert.deepEqual(await there.acquire({ waitMs: 0 }), []);
  await worker.register(one);
  const job = await world.create(await film());
  const lease = await there.lease({ slots: { "made.one": 1 } });
  assert.equal(lease.job, job);
  const parked = there.acquire({ slots: { "made.one": 1 }, waitMs: 20_000 });
  await worker.work.closeSession({ session: worker.id }, worker.options);
  assert.deepEqual(await parked, []);
  await assert.rejects(there.acquire({ waitMs: 0 }), /no session/);
  const step = async () => (await world.step(job, "made.one")).state === "READY" || undefined;
  await world.until(step, "what it held at the other replica is given back");
});

test("a query is answered by a worker that waits at either replica", async (t) => {
  const { world, a, b, workerAt } = await two(t);
  const embed = manifest("made.embed");
  const ask = (text: string) =>
    world.ports.bus.request(
      "interactive.made.embed",
      { tenant: TENANT, request: Buffer.from(text).toString("base64") },
      { timeoutMs: 5_000 },
    );
  for (const address of [a, b]) {
    const worker = await workerAt(address, embed);
    await worker.register(embed, { interactive: true });
    for (const text of ["one", "two", "three"]) {
      const poll = worker.acquire({ interactive: true, slots: { "made.embed": 1 } });
      const answer = world.until(
        () =>
          ask(text).catch((reason: { id?: string }) =>
            reason.id === "BUS_NO_RESPONDER" ? undefined : assert.fail(`${reason}`),
          ),
        "a poll is parked",
      );
      const [lease] = await poll;
      assert.ok(lease);
      await worker.complete(lease, [inline("response", Buffer.from(`${text}!`))]);
      assert.deepEqual(await answer, { response: Buffer.from(`${text}!`).toString("base64") });
    }
  }
});

test("what one replica does for all is done by it whichever is asked, and goes to the other when it leaves", async (t) => {
  const { world, a, b, workerAt, film, stopB } = await two(t);
  const holder = async () => (await world.ports.catalog.get<{ holder: string }>("leases", "upkeep"))?.body.holder;
  const first = await holder();
  const index = async (address: string) => {
    const worker = await workerAt(address);
    const job = await world.create(await film());
    assert.equal((await done(worker, await worker.lease())).result, "ACCEPTED");
    return world.indexed((await world.settled(job)).asset);
  };
  const assets = [await index(a), await index(b)];
  for (let turn = 0; turn < 2; turn++)
    assert.equal((await world.command<{ assets: number }>("SystemService.Reindex", {})).assets, 2);
  for (const { id } of assets) await world.command("AssetService.DeleteAsset", { asset: id });
  assert.deepEqual(await world.all("assets"), []);
  await world.stop();
  await world.until(async () => ![first, ""].includes(await holder()) || undefined, "the other has it");
  await index(b);
  assert.equal((await world.command<{ assets: number }>("SystemService.Reindex", {})).assets, 1);
  await stopB();
  assert.equal(await holder(), "");
});

test("replicas that are restarted one after the other fail no call and lose no lease", async (t) => {
  const { world, a, b, stopB } = await two(t, { healEveryMs: 200 });
  await world.serve([probe(), listen()], { orchestrator: `ipv4:${a},${b}` });
  const jobs: string[] = [];
  let n = 0;
  const submit = async () => {
    for (let count = 0; count < 3; count++)
      jobs.push(await world.create(await world.file(`${n}.json`, film({ salt: String(n++) }))));
  };
  let stop = stopB;
  for (let turn = 0; turn < 2; turn++) {
    await submit();
    const stopped = stop();
    await submit();
    await stopped;
    const again = await world.replica({ workerAddress: b });
    stop = () => again[Symbol.asyncDispose]();
    await submit();
    const restarted = world.restart({ workerAddress: a });
    await submit();
    await restarted;
  }
  for (const job of jobs) {
    const { state, steps } = await world.settled(job);
    assert.deepEqual([state, ...steps.map(({ lost }) => lost)], ["SUCCEEDED", 0, 0]);
  }
});
