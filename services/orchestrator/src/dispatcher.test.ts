import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { HeimdexError } from "@heimdex/errors";
import { type Job, newJob, planSteps, type SessionRecord, type StageRecord } from "@heimdex/kernel";
import type { Catalog, WriteOp } from "@heimdex/ports";
import { Sources } from "@heimdex/sources";
import { startTelemetry } from "@heimdex/telemetry";
import { DEFAULT_ORCHESTRATOR_CONFIG } from "./config.ts";
import { Dispatcher } from "./dispatcher.ts";
import { jobSort, jobTerms } from "./job-document.ts";
import { JobStore } from "./job-store.ts";
import { JobTrace } from "./job-trace.ts";
import { LeaseTable } from "./lease-table.ts";
import { requirement } from "./requirement.ts";
import { Scheduler } from "./scheduler.ts";

const port = { mediaType: "application/json", major: 1, many: false, optional: false, layerSchema: "" };
const stage: StageRecord = {
  manifest: {
    name: "made.one",
    version: "1.0.0",
    behaviour: 1,
    description: "",
    inputs: [{ ...port, name: "source", schema: "heimdex.source", mediaType: "application/octet-stream" }],
    outputs: [{ ...port, name: "out", schema: "made.one.out" }],
    conditions: [],
    configSchema: "",
    resources: { cpu: 1, memoryMib: 512, gpu: false },
    timeouts: { attemptMs: 0, stallMs: 0 },
    deterministic: true,
  },
  digest: "d",
  state: "ENABLED",
  reason: "",
  help: "",
  models: [],
  interactive: false,
  digests: {},
};
const session: SessionRecord = {
  id: "s_1",
  tokenHash: "",
  key: "",
  tenant: "*",
  mayServe: [],
  expiresAtMs: 0,
  worker: "worker",
  device: "cpu",
  openedAtMs: 0,
  seenAtMs: 0,
  mountProven: false,
  outside: false,
  stages: [],
  renewals: {},
};

/** A catalog, jobs and a dispatcher, without servers around them: what is parked when is up to the test.
 * @param beforeWrite sees what a write of jobs is about to store */
async function open(
  t: TestContext,
  { beforeWrite, room }: { beforeWrite?: (ops: readonly WriteOp[], catalog: Catalog) => unknown; room?: number } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-dispatcher-"));
  const sqlite = await SqliteCatalog.open(join(folder, "catalog.sqlite"));
  const blobs = await FolderBlobs.open(join(folder, "blobs"));
  t.after(async () => {
    await sqlite[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  const catalog: Catalog = Object.create(sqlite, {
    get: { value: sqlite.get.bind(sqlite) },
    getMany: { value: sqlite.getMany.bind(sqlite) },
    write: {
      value: async (ops: readonly WriteOp[]) => {
        if (ops.some((op) => op.op === "replace" && op.collection === "jobs")) await beforeWrite?.(ops, sqlite);
        return sqlite.write(ops);
      },
    },
  });
  const config = { ...DEFAULT_ORCHESTRATOR_CONFIG, runFolder: folder, signingKey: new Uint8Array(32) };
  const telemetry = startTelemetry("test", { logLevel: "silent", otlpEndpoint: "" });
  const leases = new LeaseTable(() => scheduler.wake());
  const scheduler = new Scheduler(() => (room === undefined ? Number.POSITIVE_INFINITY : room - leases.size));
  t.after(() => scheduler.close());
  const store = new JobStore(
    catalog,
    blobs,
    { retry: config.retry, salt: "" },
    (job, effects) => {
      for (const effect of effects) {
        const step = job.steps.find((one) => effect.kind === "offer" && one.stage === effect.stage);
        if (step?.state === "READY") dispatcher.offer(job, step);
      }
    },
    (job, step) => dispatcher.claim(job, step),
  );
  const trace = new JobTrace(catalog, telemetry);
  const dispatcher = new Dispatcher({
    catalog,
    store,
    scheduler,
    leases,
    blobs,
    sources: new Sources({ config: config.sources, blobs, roots: [] }),
    trace,
    config,
    dataUrl: () => "http://data",
  });
  let made = 0;
  return {
    store,
    leases,
    stored: async (id: string) => {
      const found = await sqlite.get<Job>("jobs", id);
      assert.ok(found);
      return { version: found.version, states: found.body.steps.map(({ state }) => state) };
    },
    /** Parks a poll before it returns. */
    poll: (slots = 1, waitMs = 60_000) =>
      dispatcher.acquire(
        session,
        new Map([["made.one", requirement("d", [])]]),
        new Map([["made.one", slots]]),
        "",
        waitMs,
        new AbortController().signal,
      ),
    /** A job that is about to be planned. */
    queued: async () => {
      const job = newJob({ id: `j_${++made}`, tenant: "default", sourceUri: `file:///films/${made}.mp4` });
      assert.ok(await store.create(job));
      return job.id;
    },
    /** Plans it: its one step becomes ready. */
    plan: (id: string) =>
      store.apply(id, {
        kind: "planned",
        atMs: Date.now(),
        asset: `a_${id}`,
        fingerprint: id,
        sourceSize: 1,
        sourceModifiedMs: 1,
        neighbours: [],
        steps: planSteps([stage], config.plan),
      }),
  };
}

test("a step that becomes ready while a poll waits for it is leased by the very write that makes it ready", async (t) => {
  const { poll, queued, plan, stored, leases } = await open(t);
  const id = await queued();
  const answer = poll();
  await plan(id);
  assert.deepEqual(
    (await answer).map(({ job, stage, epoch }) => [job, stage, epoch]),
    [[id, "made.one", 1]],
  );
  assert.deepEqual(await stored(id), { version: 2, states: ["LEASED"] });
  assert.equal(leases.get(`${id}-0-1`)?.session, session.id);
});

test("what is written together is answered together; what finds no slot is ready for the next poll", async (t) => {
  const { poll, queued, plan, stored } = await open(t);
  const jobs = [await queued(), await queued(), await queued()];
  const answer = poll(2);
  await Promise.all(jobs.map(plan));
  assert.equal((await answer).length, 2);
  const states = await Promise.all(jobs.map(stored));
  assert.deepEqual(
    states.flatMap((one) => one.states),
    ["LEASED", "LEASED", "READY"],
  );
  assert.deepEqual(
    (await poll(2)).map(({ job }) => job),
    [jobs[2]],
  );
});

test("a write that fails leases nothing, and the poll waits on for the next", async (t) => {
  let failing = true;
  const { poll, queued, plan, stored, leases } = await open(t, {
    beforeWrite: () => {
      if (failing) throw new HeimdexError("DISK_FULL", "no room");
    },
  });
  const id = await queued();
  const answer = poll();
  await assert.rejects(plan(id), { id: "DISK_FULL" });
  assert.deepEqual([leases.size, await stored(id)], [0, { version: 1, states: [] }]);
  failing = false;
  await plan(id);
  assert.deepEqual(
    (await answer).map(({ epoch }) => epoch),
    [1],
  );
});

test("when another process wrote the job first, nobody has its step, and the slot goes to the next", async (t) => {
  let other: string | undefined;
  const { poll, queued, plan, stored, leases } = await open(t, {
    beforeWrite: async (ops, catalog) => {
      const op = ops.find(({ id }) => id === other);
      if (op?.op !== "replace") return;
      other = undefined;
      const { body } = (await catalog.get<Job>("jobs", op.id)) as { body: Job };
      const cancelled: Job = { ...body, state: "CANCELLED", settled: true };
      await catalog.write([{ ...op, terms: jobTerms(cancelled), sort: jobSort(cancelled), body: cancelled }]);
    },
  });
  const [id, next] = [await queued(), await queued()];
  other = id;
  const answer = poll();
  assert.equal((await plan(id)).applied, false);
  assert.deepEqual([leases.size, (await stored(id)).states], [0, []]);
  await plan(next);
  assert.deepEqual(
    (await answer).map(({ job }) => job),
    [next],
  );
});

test("a step that becomes ready does not overtake one that was before, nor the limit of attempts", async (t) => {
  const { poll, queued, plan, stored, leases } = await open(t, { room: 1 });
  const [first, second, third] = [await queued(), await queued(), await queued()];
  const answer = poll(2);
  await plan(first);
  assert.equal((await answer).length, 1);
  const waiting = poll(2);
  await plan(second);
  await plan(third);
  assert.deepEqual((await stored(second)).states, ["READY"]);
  leases.remove(`${first}-0-1`);
  assert.deepEqual(
    (await waiting).map(({ job }) => job),
    [second],
  );
  assert.deepEqual((await stored(third)).states, ["READY"]);
});

test("a poll whose time is over while its lease is being written is answered with it", async (t) => {
  const written = Promise.withResolvers<void>();
  const { poll, queued, plan } = await open(t, { beforeWrite: () => written.promise });
  const id = await queued();
  const answer = poll(1, 0);
  const planned = plan(id);
  const later = await Promise.race([answer, new Promise((resolve) => setTimeout(resolve, 20, "later"))]);
  written.resolve();
  await planned;
  assert.deepEqual([later, (await answer).map(({ job }) => job)], ["later", [id]]);
});
