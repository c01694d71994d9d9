import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { MongoCatalog } from "@heimdex/adapters-mongo";
import { NatsBus } from "@heimdex/adapters-nats";
import { HeimdexError } from "@heimdex/errors";
import type { AssetRecord, CacheEntry, Job } from "@heimdex/kernel";
import type { ArchiveEvent } from "@heimdex/ports";
import { readEvents, startMongo, startNats } from "@heimdex/testing-servers";
import type { OrchestratorConfig } from "./config.ts";
import { film, listen, probe, type Runs, split } from "./testing/stages.ts";
import { TENANT, World } from "./testing/world.ts";

const mongo = await startMongo();
const nats = await startNats();
after(() => Promise.all([mongo, nats].map((server) => server[Symbol.asyncDispose]())));

const OPTIONS = { timeout: 120_000 };
/** How long the database is away. Longer than calls wait, leases live and the upkeep is kept. */
const AWAY_MS = Number(process.env.HEIMDEX_TEST_AWAY_MS ?? 6_000);
const STAGES = ["made.listen", "made.probe", "made.split"];

/** Two orchestrators of one configuration, one folder included, each with connections of its own to MongoDB and NATS, and workers that know both. */
async function two(t: TestContext, config: Partial<OrchestratorConfig> = {}) {
  const name = `t${randomBytes(6).toString("hex")}`;
  const { url: servers, user, password } = nats;
  const connect = async () => ({
    catalog: await MongoCatalog.open({ url: mongo.url, database: name }),
    // What cannot be reached is said by the calls themselves.
    bus: await NatsBus.open({ servers, user, password, prefix: name, timeoutMs: 1_000, onError: () => {} }),
  });
  const connections = [await connect(), await connect()] as const;
  const world = await World.open(
    t,
    { leaseTtlMs: 4_000, renewEveryMs: 1_000, acceptWithinMs: 4_000, ...config },
    (ports) => ({ ...ports, ...connections[0], events: connections[0].bus }),
  );
  for (const { catalog, bus } of connections)
    world.defer(async () => {
      await catalog[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    });
  const runFolder = join(world.folder, "run");
  const b = await world.replica({ runFolder }, { ...world.ports, ...connections[1], events: connections[1].bus });
  const runs: Runs = new Map();
  const serve = () =>
    world.serve([probe(runs), listen(runs), split(runs)], { orchestrator: `ipv4:${world.address},${b.workerAddress}` });
  let films = 0;
  /** Asks for a film of its own until that is answered: an answer may be lost, the job is one for all that. */
  const create = async () => {
    const request_id = `film-${films++}`;
    const uri = await world.file(`${request_id}.json`, film({ said: [{ at: 0, text: "found" }], salt: request_id }));
    return whenBack(() => world.create(uri, { request_id }));
  };
  /** Jobs whose steps are ready, and nobody there to run them. */
  const planned = async (count: number) => {
    await (await serve())();
    const jobs = [];
    for (let n = 0; n < count; n++) jobs.push(await create());
    for (const id of jobs) await world.untilJob(id, ({ steps }) => steps.length === STAGES.length, "is planned");
    return jobs;
  };
  /** Every job's end and every asset's being found stands in the log of events, and nothing else. */
  const assertTold = async (jobs: readonly string[]) => {
    const ended = await Promise.all(jobs.map((id) => world.settled(id)));
    const subjects = ended.flatMap(({ id, asset }) => [id, asset]).sort();
    await world.allTold();
    const events = await readEvents<ArchiveEvent>(nats, `${name}_events`);
    const told = new Map(events.map((event) => [event.id, event.subject]));
    assert.deepEqual([...told.values()].sort(), subjects);
  };
  return { world, b, runs, serve, create, planned, assertTold };
}

/** Again while a server cannot be reached. */
async function whenBack<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (reason) {
      const away = ["BUS_UNAVAILABLE", "BUS_NO_RESPONDER", "BUS_TIMEOUT", "CATALOG_UNAVAILABLE"];
      if (!(reason instanceof HeimdexError) || !away.includes(reason.id)) throw reason;
      await delay(50);
    }
  }
}

/** Every job is done, each step has one result, each film one sidecar, and the index what the sidecars have. */
async function assertDone(world: World, jobs: readonly string[]): Promise<void> {
  for (const id of jobs) {
    const { state, asset, steps } = await world.settled(id);
    assert.equal(state, "SUCCEEDED", JSON.stringify(steps));
    const { sidecarRevision, indexedRevision } = await world.indexed(asset);
    assert.deepEqual([sidecarRevision, indexedRevision], [1, 1]);
  }
  const stored = await world.all<Job>("jobs");
  assert.deepEqual(new Set(stored.map(({ id }) => id)), new Set(jobs));
  const keys = stored.flatMap(({ body }) => body.steps.map(({ key }) => key));
  assert.deepEqual((await world.all<CacheEntry>("cache")).map(({ id }) => id).sort(), keys.sort());
  const assets = await world.all<AssetRecord>("assets");
  assert.equal(assets.length, jobs.length);
  const found = await world.ports.index.list({ tenant: TENANT }, 0, 1_000);
  assert.deepEqual(found.rows.map(({ asset }) => asset).sort(), assets.map(({ id }) => id).sort());
}

for (const [what, fault, mend] of [
  ["ends and comes back empty", () => nats.killAndWipe(), () => nats.container.start()],
  ["hangs, as behind a cut network", () => nats.container.pause(), () => nats.container.resume()],
] as const)
  test(
    `NATS that ${what}: work goes on without it, nothing is lost or done twice, and all goes on with it`,
    OPTIONS,
    async (t) => {
      // Leases that end by themselves would make up for what must not get lost.
      const { world, runs, serve, create, planned, assertTold } = await two(t, {
        leaseTtlMs: 60_000,
        renewEveryMs: 15_000,
      });
      const jobs = await planned(6);
      await fault();
      await serve();
      await assertDone(world, jobs);
      // What is asked meanwhile may be done later: a server that hangs has it still.
      await assert.rejects(world.command("JobService.CancelJob", { job: "j_nobodys" }), /BUS_|NATS/);
      await mend();
      for (let n = 0; n < 3; n++) jobs.push(await create());
      await assertDone(world, jobs);
      await assertTold(jobs);
      assert.deepEqual(
        [...runs].sort(),
        STAGES.map((stage) => [stage, jobs.length]),
      );
    },
  );

test(
  `MongoDB that is away for ${AWAY_MS} ms in the middle of the work: no job is lost, no result or sidecar doubled`,
  OPTIONS,
  async (t) => {
    const { world, runs, serve, create, planned, assertTold } = await two(t);
    const jobs = await planned(12);
    await serve();
    await world.until(async () => ((runs.get("made.split") ?? 0) > 0 ? true : undefined), "work is under way");
    await mongo.container.kill();
    await delay(AWAY_MS);
    await mongo.container.start();
    await whenBack(() => world.all("jobs"));
    jobs.push(await create());
    await whenBack(() => assertDone(world, jobs));
    await whenBack(() => assertTold(jobs));
  },
);

test(
  "two orchestrators that are started alike take each other for two: each leases, one has the upkeep, the other when that ends",
  OPTIONS,
  async (t) => {
    const { world, b, serve, create } = await two(t);
    const holder = async () => (await world.ports.catalog.get<{ holder: string }>("leases", "upkeep"))?.body.holder;
    await serve();
    const jobs = [];
    for (let n = 0; n < 4; n++) jobs.push(await create());
    await assertDone(world, jobs);
    const first = await holder();
    await world.stop();
    await world.until(
      async () => (![first, ""].includes(await holder()) ? true : undefined),
      "the other has the upkeep",
    );
    for (let n = 0; n < 4; n++) jobs.push(await create());
    await assertDone(world, jobs);
    await b[Symbol.asyncDispose]();
    assert.equal(await holder(), "");
  },
);
