import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Job, SessionRecord } from "@heimdex/kernel";
import { DEFAULT_ORCHESTRATOR_CONFIG, type OrchestratorConfig, startOrchestrator } from "@heimdex/orchestrator";
import { startTelemetry } from "@heimdex/telemetry";
import { type CpuProfile, profileThread } from "../common/cpu-profile.ts";
import { threadUsage } from "../common/machine.ts";
import { openBenchPorts } from "./bench-ports.ts";
import type { Answer, Order } from "./messages.ts";

/** The orchestrator of the benchmarks `steps` and `cluster-steps`, with the adapters of `openBenchPorts` and the settings of the embedded profile:
 * `orchestrator-process.ts FOLDER [SETTINGS]`, SETTINGS being others as JSON. Takes orders over the process's IPC channel. Jobs are made over the bus, as the gateway makes them. */
const folder = process.argv[2] as string;
const settings = JSON.parse(process.argv[3] ?? "{}") as Partial<OrchestratorConfig>;
await mkdir(folder, { recursive: true });
await using telemetry = startTelemetry("bench", { logLevel: process.env.HEIMDEX_LOG_LEVEL ?? "warn" });
await using ports = await openBenchPorts(folder, telemetry.log);
const { catalog, bus } = ports;
/** Writes that the catalog applied, and those asked for by collection. */
let applied = 0;
const written = new Map<string, number>();
const write = catalog.write.bind(catalog);
catalog.write = async (ops) => {
  for (const { collection } of ops) written.set(collection, (written.get(collection) ?? 0) + 1);
  const results = await write(ops);
  applied += results.filter(({ ok }) => ok).length;
  return results;
};
await using orchestrator = await startOrchestrator(
  ports,
  {
    ...DEFAULT_ORCHESTRATOR_CONFIG,
    workerAddress: "127.0.0.1:0",
    dataAddress: "127.0.0.1:0",
    runFolder: join(folder, "run"),
    signingKey: new Uint8Array(32).fill(7),
    soleHost: true,
    ...settings,
  },
  telemetry,
);

const READY_WITHIN_MS = 30_000;

/** Jobs under way, each resolved when its sidecar is in the search index. */
const running = new Map<string, (job: Job) => void>();
await using _changes = await bus.subscribe("events.job.*", async (payload, subject) => {
  // Changes of the job itself carry its version; without one the event says that the asset can be found. To read the job at each
  // change would measure this program.
  if ((payload as { version?: number }).version !== undefined) return;
  const id = subject.slice("events.job.".length);
  const job = (await catalog.get<Job>("jobs", id))?.body;
  if (job === undefined) throw new Error(`job ${id} is gone`);
  running.get(id)?.(job);
  running.delete(id);
});

const send = (answer: Answer) => process.send?.(answer);
let sources = 0;

/** Small files that no job has seen. */
async function makeSources(count: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const path = join(folder, "sources", `${sources++}.bin`);
      await writeFile(path, `${path} of ${process.pid}\n`);
      return path;
    }),
  );
}

async function runJob(path: string): Promise<Job> {
  const { job } = (await bus.request(
    "api.JobService.CreateJob",
    { tenant: "default", request: { source_uri: pathToFileURL(path).href } },
    { timeoutMs: 30_000 },
  )) as { job: string };
  return new Promise((resolve) => running.set(job, resolve));
}

async function run({ jobs, inFlight, profile }: Order & { kind: "run" }): Promise<Answer & { kind: "measured" }> {
  const paths = await makeSources(jobs);
  const stop = profile === "" ? undefined : await profileThread();
  const appliedBefore = applied;
  written.clear();
  const cpuBefore = threadUsage(process.pid);
  const began = performance.now();
  const done: Job[] = [];
  await Promise.all(
    Array.from({ length: Math.min(inFlight, jobs) }, async () => {
      for (let path = paths.pop(); path !== undefined; path = paths.pop()) done.push(await runJob(path));
    }),
  );
  const wallMs = performance.now() - began;
  const writes = applied - appliedBefore;
  const cpu = threadUsage(process.pid);
  const made: CpuProfile | undefined = await stop?.(profile);
  const steps = done.flatMap((job) => job.steps);
  const wrong =
    done.find((job) => job.state !== "SUCCEEDED") ?? done.find((job) => job.steps.some(({ state }) => state !== "OK"));
  if (wrong !== undefined)
    throw new Error(`job ${wrong.id} ended ${wrong.state}: ${wrong.reason || "a step did not run"}`);
  return {
    kind: "measured",
    wallMs,
    writes,
    writesTo: Object.fromEntries(written),
    steps: steps.length,
    latenciesMs: steps.map((step) => step.endedAtMs - step.readyAtMs),
    waitsMs: steps.map((step) => step.startedAtMs - step.readyAtMs),
    jobsMs: done.map((job) => job.endedAtMs - job.createdAtMs),
    cpuMs: Object.fromEntries([...cpu].map(([name, ms]) => [name, ms - (cpuBefore.get(name) ?? 0)])),
    profile: made,
  };
}

async function workersReady(workers: number, stages: number): Promise<void> {
  for (const untilMs = Date.now() + READY_WITHIN_MS; ; ) {
    const sessions = await catalog.find<SessionRecord>({ collection: "sessions", limit: 1000 });
    if (sessions.filter(({ body }) => body.stages.length === stages).length >= workers) return;
    if (Date.now() > untilMs) throw new Error(`${workers} workers did not register within ${READY_WITHIN_MS} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20)); // registrations bring no event
  }
}

await mkdir(join(folder, "sources"), { recursive: true });
const stopped = Promise.withResolvers<void>();
process.on("disconnect", () => stopped.resolve());
process.on("message", (order: Order) => {
  const work = async () => {
    switch (order.kind) {
      case "await-workers":
        await workersReady(order.workers, order.stages);
        orchestrator.openIntake();
        return send({ kind: "ready" });
      case "run":
        return send(await run(order));
    }
  };
  work().catch((reason: unknown) =>
    send({ kind: "failed", message: reason instanceof Error ? (reason.stack ?? "") : String(reason) }),
  );
});
send({ kind: "listening", address: orchestrator.workerAddress });
await stopped.promise;
