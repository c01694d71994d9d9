import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { EMPTY_PLAN_CONFIG, type Fence, type Job, newJob, planSteps, type StageRecord } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";
import fc from "fast-check";
import { DEFAULT_ORCHESTRATOR_CONFIG } from "./config.ts";
import { JobStore } from "./job-store.ts";

const STAGES = ["made.a", "made.b", "made.c"];
const port = { mediaType: "application/json", major: 1, many: false, optional: false, layerSchema: "" };
const stages = STAGES.map(
  (name): StageRecord => ({
    manifest: {
      name,
      version: "1.0.0",
      behaviour: 1,
      description: "",
      inputs: [{ ...port, name: "source", schema: "heimdex.source", mediaType: "application/octet-stream" }],
      outputs: [{ ...port, name: "out", schema: `${name}.out` }],
      conditions: [],
      configSchema: "",
      resources: { cpu: 1, memoryMib: 512, gpu: false },
      timeouts: { attemptMs: 0, stallMs: 0 },
      deterministic: true,
    },
    digest: name,
    state: "ENABLED",
    reason: "",
    help: "",
    models: [],
    interactive: false,
    digests: {},
  }),
);

let folder = "";
let sqlite: SqliteCatalog;
let blobs: FolderBlobs;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "heimdex-store-"));
  sqlite = await SqliteCatalog.open(join(folder, "catalog.sqlite"));
  blobs = await FolderBlobs.open(join(folder, "blobs"));
});
after(async () => {
  await sqlite[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** A replica's view of the catalog: its calls take as many turns of the event loop as `turns` says, one number for each. */
function slow(turns: readonly number[]): Catalog {
  let calls = 0;
  const late = async <R>(call: () => Promise<R>): Promise<R> => {
    for (let turn = turns[calls++ % turns.length] ?? 0; turn > 0; turn--) await nextTurn();
    return call();
  };
  return Object.create(sqlite, {
    get: { value: (...args: Parameters<Catalog["get"]>) => late(() => sqlite.get(...args)) },
    getMany: { value: (...args: Parameters<Catalog["getMany"]>) => late(() => sqlite.getMany(...args)) },
    find: { value: (...args: Parameters<Catalog["find"]>) => late(() => sqlite.find(...args)) },
    write: { value: (...args: Parameters<Catalog["write"]>) => late(() => sqlite.write(...args)) },
  }) as Catalog;
}

const action = fc.record({
  what: fc.constantFrom("lease", "finish", "lose", "release"),
  /** Which replica does it. */
  by: fc.nat(1),
  stage: fc.constantFrom(...STAGES),
  /** Which of the leases that the step ever had, the newest first. */
  which: fc.nat(2),
  /** Whether the other hears of it. */
  isHeard: fc.boolean(),
});
let made = 0;

test("whatever two replicas do to one job at once, each lease is given once and each step is committed once", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(action, { minLength: 1, maxLength: 4 }), { minLength: 3, maxLength: 14 }),
      fc.array(fc.nat(3), { minLength: 1, maxLength: 7 }),
      async (rounds, turns) => {
        const config = { retry: { ...DEFAULT_ORCHESTRATOR_CONFIG.retry, losses: 1_000 }, salt: String(made) };
        const stores = [slow(turns), slow(turns.toReversed())].map(
          (catalog) =>
            new JobStore(
              catalog,
              blobs,
              config,
              () => {},
              async () => undefined,
            ),
        );
        const job = newJob({ id: `j_${(++made).toString(16)}`, tenant: "default", sourceUri: "file:///a.mp4" });
        await (stores[0] as JobStore).create(job);
        const planned = {
          kind: "planned",
          atMs: 1,
          asset: `a_${made}`,
          fingerprint: String(made),
          sourceSize: 1,
          sourceModifiedMs: 1,
          neighbours: [],
          steps: planSteps(stages, EMPTY_PLAN_CONFIG),
          plan: "",
        } as const;
        const plans = await Promise.all(stores.map((store) => store.apply(job.id, planned)));
        assert.equal(plans.filter(({ applied }) => applied).length, 1, "planned once");
        const granted = new Map<string, Fence[]>(STAGES.map((stage) => [stage, []]));
        const finished = new Map<string, number>(STAGES.map((stage) => [stage, 0]));
        let names = 0;
        const act = async ({ what, by, stage, which, isHeard }: (typeof rounds)[number][number]) => {
          const store = stores[by] as JobStore;
          const [leases, atMs] = [granted.get(stage) as Fence[], 2];
          const fence = leases.at(-1 - (which % Math.max(1, leases.length)));
          if (what === "lease") {
            const step = (await store.get(job.id))?.steps.find((one) => one.stage === stage);
            if (step?.state !== "READY") return;
            const [id, epoch] = [`${job.id}-${names++}-${step.epoch + 1}`, step.epoch + 1];
            const lease = { id, epoch, session: `s_${by}`, requestId: "", grantedAtMs: 2, expiresAtMs: 9, spanId: "" };
            const { applied, version } = await store.apply(job.id, {
              kind: "leased",
              atMs,
              stage,
              lease,
              worker: "",
              device: "",
            });
            if (applied) leases.push({ lease: id, epoch });
            if (isHeard) stores[1 - by]?.changed(job.id, version);
            return;
          }
          if (fence === undefined) return;
          const cost = { wallMs: 1, cpuMs: 1 };
          const { applied, version } = await store.apply(
            job.id,
            what === "finish"
              ? {
                  kind: "finished",
                  atMs,
                  stage,
                  fence,
                  outputs: [],
                  empty: false,
                  partial: "",
                  facts: undefined,
                  ...cost,
                }
              : { kind: what === "lose" ? "lost" : "released", atMs, stage, fence },
          );
          if (applied && what === "finish") finished.set(stage, (finished.get(stage) as number) + 1);
          if (isHeard) stores[1 - by]?.changed(job.id, version);
        };
        for (const round of rounds) await Promise.all(round.map(act));
        const stored = (await sqlite.get<Job>("jobs", job.id))?.body as Job;
        for (const step of stored.steps) {
          const epochs = (granted.get(step.stage) as Fence[]).map(({ epoch }) => epoch).sort((a, b) => a - b);
          assert.deepEqual(
            epochs,
            Array.from({ length: step.epoch }, (_, index) => index + 1),
            "one lease of each epoch",
          );
          assert.equal(finished.get(step.stage), step.state === "OK" ? 1 : 0, "committed once, or not at all");
        }
        for (const store of stores) assert.deepEqual(await store.current(job.id), stored, "both see the same");
      },
    ),
    { numRuns: 40 },
  );
});
