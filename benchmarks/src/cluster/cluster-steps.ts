import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { startMinio, startMongo, startNats } from "@heimdex/testing-servers";
import type { Benchmark, Figure, RunOptions } from "../common/benchmark.ts";
import { type Child, Children } from "../common/children.ts";
import { percentile, summarise } from "../common/statistics.ts";
import type { Answer, Order } from "../steps/messages.ts";
import { STEPS } from "../steps/no-op-stages.ts";

type Measured = Answer & { kind: "measured" };
type Environment = Readonly<Record<string, string>>;
/** Of each profile, the environment of an orchestrator with a catalog, a bucket and a folder of its own. */
type Profiles = Readonly<Record<string, () => Environment>>;

const WAIT_MS = 200;
const REPLICAS = [1, 2, 4];

interface Settings {
  readonly jobs: number;
  readonly inFlight: number;
  readonly repetitions: number;
  /** Of the stage that waits, for each replica. */
  readonly waitingJobs: number;
}

/** What the cluster's servers cost the machinery around the stages, beside the embedded profile. */
export const clusterSteps: Benchmark = {
  name: "cluster-steps",
  title:
    "6-step no-op jobs and replicas of a stage that waits, with MongoDB, NATS and MinIO in containers, beside the embedded profile",
  async run(options) {
    const settings = options.smoke
      ? { jobs: 2, inFlight: 2, repetitions: 1, waitingJobs: 2 }
      : { jobs: 60, inFlight: 24, repetitions: 3, waitingJobs: 25 };
    await using stack = new AsyncDisposableStack();
    options.say("starting MongoDB, NATS and MinIO");
    const [mongo, minio, nats] = await Promise.all([startMongo(), startMinio(), startNats()]);
    for (const server of [mongo, minio, nats]) stack.use(server);
    const profiles: Profiles = {
      embedded: () => ({}),
      cluster: () => ({
        HEIMDEX_CATALOG_URL: mongo.url,
        HEIMDEX_CATALOG_DATABASE: `bench-${randomUUID()}`,
        HEIMDEX_BUS_URL: nats.url,
        HEIMDEX_BUS_USER: nats.user,
        HEIMDEX_BUS_PASSWORD: nats.password,
        HEIMDEX_BLOBS_ENDPOINT: minio.endpoint,
        HEIMDEX_BLOBS_BUCKET: `bench-${randomUUID()}`,
        HEIMDEX_BLOBS_ACCESS_KEY: minio.accessKey,
        HEIMDEX_BLOBS_SECRET_KEY: minio.secretKey,
      }),
    };
    const figures: Figure[] = [];
    for (const [profile, environment] of Object.entries(profiles)) {
      figures.push(...(await noOps(profile, environment(), settings, options)));
      figures.push(...(await waiting(profile, environment, settings, options)));
    }
    const { jobs, inFlight } = settings;
    return { figures, conditions: { steps_per_job: STEPS, workers: 2, jobs, in_flight: inFlight, wait_ms: WAIT_MS } };
  },
};

/** One orchestrator, two workers: many jobs in flight for what can be had, one at a time for how long a step waits. */
async function noOps(profile: string, env: Environment, settings: Settings, options: RunOptions): Promise<Figure[]> {
  await using children = new Children(import.meta.url);
  const { orchestrator, address } = await startOrchestrator(children, join(options.folder, `${profile}-steps`), env);
  for (let at = 0; at < 2; at++) children.start("../steps/worker-process.ts", ["chain", "32"], toWorker(address));
  await orchestrator.ask({ kind: "await-workers", workers: 2, stages: STEPS }, "ready");
  const { jobs, inFlight, repetitions } = settings;
  await orchestrator.ask({ kind: "run", jobs, inFlight, profile: "" }, "measured"); // warms up
  const many: Measured[] = [];
  const single: Measured[] = [];
  for (let at = 0; at < repetitions; at++) {
    many.push(await orchestrator.ask({ kind: "run", jobs, inFlight, profile: "" }, "measured"));
    single.push(
      await orchestrator.ask({ kind: "run", jobs: Math.ceil(jobs / 4), inFlight: 1, profile: "" }, "measured"),
    );
    options.say(`${profile}: ${rateOf(many.at(-1) as Measured).toFixed(0)} steps/s`);
  }
  const figure = (what: string, unit: string, values: readonly number[], aim?: Figure["aim"]): Figure => {
    const spread = summarise(values);
    return { name: `${profile}: ${what}`, unit, value: spread.median, spread, ...(aim === undefined ? {} : { aim }) };
  };
  const waits = (rank: number) => single.map(({ waitsMs }) => percentile(waitsMs, rank));
  return [
    figure("throughput", "steps/s", many.map(rateOf)),
    figure(
      "catalog writes",
      "writes/step",
      many.map(({ writes, steps }) => writes / steps),
    ),
    figure("ready to leased, p50", "ms", waits(50)),
    figure("ready to leased, p95", "ms", waits(95), { most: 50 }),
  ];
}

/** Jobs of one step that waits, with more and more replicas of its stage. */
async function waiting(
  profile: string,
  environment: () => Environment,
  { waitingJobs }: Settings,
  { folder, say }: RunOptions,
): Promise<Figure[]> {
  const rates: number[] = [];
  for (const replicas of REPLICAS) {
    await using children = new Children(import.meta.url);
    const own = join(folder, `${profile}-${replicas}-replicas`);
    const { orchestrator, address } = await startOrchestrator(children, own, environment());
    for (let at = 0; at < replicas; at++) children.start("waiting-worker.ts", [String(WAIT_MS)], toWorker(address));
    await orchestrator.ask({ kind: "await-workers", workers: replicas, stages: 1 }, "ready");
    await orchestrator.ask({ kind: "run", jobs: replicas * 2, inFlight: replicas * 2, profile: "" }, "measured"); // warms up
    const order = { kind: "run", jobs: waitingJobs * replicas, inFlight: replicas * 4, profile: "" } as const;
    rates.push(rateOf(await orchestrator.ask(order, "measured")));
    say(`${profile}: ${replicas} replicas, ${rates.at(-1)?.toFixed(1)} jobs/s`);
  }
  const first = rates[0] as number;
  return REPLICAS.flatMap((replicas, at): Figure[] => {
    const rate = rates[at] as number;
    const name = `${profile}: ${replicas} replica${replicas === 1 ? "" : "s"} of a stage that waits`;
    const all: Figure = { name, unit: "jobs/s", value: rate };
    const part: Figure = {
      name: `${name}, of linear`,
      unit: "x",
      value: rate / (first * replicas),
      aim: { least: 0.9 },
    };
    return replicas === 1 ? [all] : [all, part];
  });
}

async function startOrchestrator(children: Children, folder: string, env: Environment) {
  const orchestrator: Child<Order, Answer> = children.start("../steps/orchestrator-process.ts", [folder], env);
  const { address } = await orchestrator.answer("listening");
  return { orchestrator, address };
}

const toWorker = (address: string) => ({ HEIMDEX_ORCHESTRATOR: address, HEIMDEX_LOG_LEVEL: "warn" });
const rateOf = ({ steps, wallMs }: Measured) => steps / (wallMs / 1000);
