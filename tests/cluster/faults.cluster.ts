import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Job, Job_State, JobServiceDefinition, Step_State } from "@heimdex/contracts/v1/job";
import { ComposeCluster } from "@heimdex/testing-servers";
import { type CallOptions, type Client, createChannel, createClient, Metadata } from "nice-grpc";
import { randomOf } from "../crash/random.ts";
import { ContainerFaults } from "./container-faults.ts";
import { makeFilms } from "./made-films.ts";
import { untilAnswered } from "./until-answered.ts";
import { assertWholeCluster } from "./whole-cluster.ts";

const WORKER = fileURLToPath(new URL("./no-op-worker.fixture.ts", import.meta.url));
/** `make chaos` sets both; without it: one seed, few jobs. */
const JOBS = Number(process.env.CHAOS_JOBS || 40);
const SEEDS = (process.env.CHAOS_SEEDS || String(Math.floor(Math.random() * 2 ** 31))).split(",").map(Number);
/** A lease that nobody renews is given to another after so long, ms; a user's cluster waits 45 s. */
const ORCHESTRATOR = { HEIMDEX_LEASE_TTL_MS: "6000", HEIMDEX_RENEW_EVERY_MS: "2000", HEIMDEX_HEAL_EVERY_MS: "3000" };
/** How long all may take when nothing is done to the containers any more, ms. */
const PATIENCE_MS = 10 * 60_000;

for (const seed of SEEDS)
  test(`${JOBS} jobs while containers of every kind are killed, stopped and cut off: CHAOS_SEEDS=${seed}`, async (t) => {
    const films = await mkdtemp(join(tmpdir(), "heimdex-films-"));
    t.after(() => rm(films, { recursive: true }));
    await chmod(films, 0o755); // containers read it as another user
    const names = await makeFilms(films, JOBS);
    const environment = { orchestrator: ORCHESTRATOR, "orchestrator-2": ORCHESTRATOR };
    await using cluster = await ComposeCluster.up({ films, files: ["events.yaml"], environment });
    await startWorker(t, cluster);

    const channel = createChannel(cluster.api, undefined, { "grpc.enable_http_proxy": 0 });
    t.after(() => channel.close());
    const jobs = createClient(JobServiceDefinition, channel);
    const key = await cluster.secret("admin-key");
    const options = () => ({
      metadata: Metadata({ authorization: `Bearer ${key}` }),
      signal: AbortSignal.timeout(20_000),
    });

    const faults = new ContainerFaults(cluster, randomOf(seed));
    const accepted: string[] = [];
    let ended = 0;
    const working = async () => {
      for (const name of names) {
        const request = { sourceUri: `file:///films/${name}`, requestId: name };
        accepted.push((await untilAnswered(() => jobs.createJob(request, options()), PATIENCE_MS)).job);
      }
      assert.equal(new Set(accepted).size, JOBS, "a call that is repeated asks for one job");
      for (const giveUpMs = performance.now() + PATIENCE_MS + JOBS * 10_000; ended < JOBS; await delay(1_000)) {
        const waiting = (await allJobs(jobs, options)).filter((job) => !hasEnded(job));
        ended = JOBS - waiting.length;
        assert.ok(
          performance.now() < giveUpMs,
          `${waiting.length} of ${JOBS} jobs have not ended:\n${linesOf(waiting)}`,
        );
      }
    };
    const stop = new AbortController();
    const troubled = faults.run(() => ended >= JOBS, stop.signal);
    try {
      await working();
    } finally {
      if (ended < JOBS) stop.abort();
      await troubled;
    }
    await cluster.compose("up", "--detach", "--no-build", "--wait"); // all are well again
    t.diagnostic(`${faults.done.length} faults: ${countsOf(faults.done)}`);
    for (const refused of faults.refused) t.diagnostic(`not done: ${refused.slice(0, 300)}`);
    const all = await allJobs(jobs, options);
    t.diagnostic(`jobs: ${countsOf(all.map(({ state, reason }) => `${state} ${reason.split(":")[0]}`.trim()))}`);
    for (const { job, state, steps } of all.filter((one) => one.state !== Job_State.SUCCEEDED)) {
      const failed = steps.filter((step) => step.state === Step_State.FAILED);
      t.diagnostic(`${job} ${state}: ${failed.map(({ stage, reason }) => `${stage}: ${reason}`).join("; ")}`);
    }
    await assertWholeCluster(cluster, accepted, all);
  });

async function startWorker(t: TestContext, cluster: ComposeCluster): Promise<void> {
  const worker = fork(WORKER, {
    stdio: "inherit",
    env: {
      ...process.env,
      HEIMDEX_ORCHESTRATOR: cluster.workerAddress,
      HEIMDEX_STAGE_KEY: await cluster.secret("stage-key"),
      HEIMDEX_LOG_LEVEL: "error",
    },
  });
  t.after(async () => {
    if (worker.exitCode !== null) return;
    const gone = once(worker, "exit");
    worker.kill("SIGTERM");
    await gone;
  });
}

type Jobs = Client<typeof JobServiceDefinition>;

async function allJobs(jobs: Jobs, options: () => CallOptions): Promise<Job[]> {
  const found: Job[] = [];
  for (let pageToken = ""; ; ) {
    const request = { pageSize: 1000, pageToken };
    const page = await untilAnswered(() => jobs.listJobs(request, options()), PATIENCE_MS);
    found.push(...page.jobs);
    pageToken = page.nextPageToken;
    if (pageToken === "") return found;
  }
}

/** It has ended, and what came of it answers searches. */
function hasEnded({ endTime, state, searchable }: Job): boolean {
  return endTime !== undefined && (searchable || state === Job_State.FAILED);
}

/** What jobs wait for, a line each. */
function linesOf(jobs: readonly Job[]): string {
  const steps = (job: Job) => job.steps.map(({ stage, state }) => `${stage} ${state}`).join(", ");
  return jobs.map((job) => `${job.job} ${job.state}: ${steps(job)}`).join("\n");
}

/** `3 kill mongo, 1 cut nats`. */
function countsOf(words: readonly string[]): string {
  const counts = Map.groupBy(words, (word) => word);
  return [...counts]
    .map(([word, all]) => `${all.length} ${word}`)
    .sort()
    .join(", ");
}
