import { type ChildProcess, execFile, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { access, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { RunOptions } from "../common/benchmark.ts";
import { processUsage } from "../common/machine.ts";
import { reap } from "../common/reap.ts";
import { type Bullmq, connectionTo, type Flow, loadBullmq, queueOf } from "./bullmq-client.ts";
import { STEPS } from "./no-op-stages.ts";

const PACKAGES = ["bullmq@6.7.0", "ioredis@6.0.0"];
const WORKER = fileURLToPath(new URL("./bullmq-worker.ts", import.meta.url));
const REDIS_WITHIN_MS = 10_000;

export interface PeerRun {
  readonly stepsPerSecond: number;
  /** Of Redis, the workers and whoever makes the jobs; ms a step. */
  readonly cpuMs: number;
}

/** The same chain of steps through BullMQ and a Redis that syncs every write to disk before it answers (`appendfsync always`), as our catalog does. It
 * does less besides: no fingerprints, leases, cache, sidecars or index. Says why when it cannot be measured here: it is no dependency, and is
 * installed for the length of the run. */
export async function measureBullmq(
  settings: {
    readonly workers: number;
    readonly slots: number;
    readonly jobs: number;
    readonly inFlight: number;
    readonly repetitions: number;
  },
  { folder, say }: RunOptions,
): Promise<PeerRun[] | string> {
  const installed = join(folder, "bullmq");
  try {
    await promisify(execFile)("redis-server", ["--version"]);
  } catch {
    return "there is no redis-server; it comes with `apt-get install redis-server`";
  }
  await mkdir(installed, { recursive: true });
  say(`installing ${PACKAGES.join(" and ")} for this run`);
  try {
    await promisify(execFile)("npm", [
      "install",
      "--prefix",
      installed,
      "--no-audit",
      "--no-fund",
      "--ignore-scripts",
      ...PACKAGES,
    ]);
  } catch (reason) {
    return `npm could not install ${PACKAGES.join(" and ")}: ${(reason as Error).message.split("\n").at(1) ?? ""}`;
  }
  await using stack = new AsyncDisposableStack();
  // The path of a Unix socket may have a hundred characters: that of the data folder may have more.
  const sockets = await mkdtemp(join(tmpdir(), "heimdex-redis-"));
  stack.defer(() => rm(sockets, { recursive: true, force: true }));
  const socket = join(sockets, "redis");
  const redis = spawn(
    "redis-server",
    [
      "--port",
      "0",
      "--unixsocket",
      socket,
      "--dir",
      installed,
      "--save",
      "",
      "--appendonly",
      "yes",
      "--appendfsync",
      "always",
    ],
    { stdio: "ignore" },
  );
  reap(redis);
  stack.defer(() => end(redis));
  for (const untilMs = Date.now() + REDIS_WITHIN_MS; !(await isThere(socket)); await delay(20))
    if (redis.exitCode !== null || Date.now() > untilMs) return "redis-server did not start";
  const workers = Array.from({ length: settings.workers }, () => {
    const child = fork(WORKER, [installed, socket, String(settings.slots)], { execPath: process.execPath });
    reap(child);
    stack.defer(() => end(child));
    return child;
  });
  await Promise.all(workers.map(ready));
  const producer = await Producer.open(loadBullmq(installed), socket);
  stack.use(producer);
  const cpuOf = () =>
    [redis.pid, process.pid, ...workers.map(({ pid }) => pid)].reduce<number>(
      (sum, pid = 0) => sum + (processUsage(pid)?.cpuMs ?? 0),
      0,
    );
  say(`BullMQ, ${settings.inFlight} in flight: warming up`);
  await producer.run(settings.jobs, settings.inFlight);
  const runs: PeerRun[] = [];
  for (let at = 0; at < settings.repetitions; at++) {
    const cpuBefore = cpuOf();
    const began = performance.now();
    await producer.run(settings.jobs, settings.inFlight);
    const wallMs = performance.now() - began;
    const steps = settings.jobs * STEPS;
    runs.push({ stepsPerSecond: steps / (wallMs / 1000), cpuMs: (cpuOf() - cpuBefore) / steps });
    say(`BullMQ, ${settings.inFlight} in flight: ${runs.at(-1)?.stepsPerSecond.toFixed(0)} steps/s`);
  }
  return runs;
}

/** Makes jobs and hears of their ends. */
class Producer implements AsyncDisposable {
  readonly #flows: InstanceType<Bullmq["FlowProducer"]>;
  readonly #events: InstanceType<Bullmq["QueueEvents"]>;
  /** Jobs whose end somebody waits for, and those that ended before anybody did. */
  readonly #waiting = new Map<string, () => void>();
  readonly #ended = new Set<string>();
  #made = 0;

  private constructor({ FlowProducer, QueueEvents }: Bullmq, socket: string) {
    const connection = connectionTo(socket);
    this.#flows = new FlowProducer({ connection });
    this.#events = new QueueEvents(queueOf(STEPS - 1), { connection });
    this.#events.on("completed", ({ jobId }) => {
      const done = this.#waiting.get(jobId);
      if (done === undefined) this.#ended.add(jobId);
      this.#waiting.delete(jobId);
      done?.();
    });
  }

  static async open(bullmq: Bullmq, socket: string): Promise<Producer> {
    const producer = new Producer(bullmq, socket);
    await producer.#events.waitUntilReady();
    return producer;
  }

  /** Runs so many jobs, so many of them at a time. */
  async run(jobs: number, inFlight: number): Promise<void> {
    let left = jobs;
    await Promise.all(
      Array.from({ length: Math.min(jobs, inFlight) }, async () => {
        while (left-- > 0) await this.#job();
      }),
    );
  }

  async #job(): Promise<void> {
    const { job } = await this.#flows.add(flow(STEPS - 1, String(this.#made++)));
    if (this.#ended.delete(job.id)) return;
    await new Promise<void>((resolve) => this.#waiting.set(job.id, resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#flows.close(), this.#events.close()]);
  }
}

/** The last step is the root: a step becomes ready when its child has ended. */
function flow(step: number, of: string): Flow {
  return { name: "step", queueName: queueOf(step), data: { of }, children: step === 0 ? [] : [flow(step - 1, of)] };
}

/** Resolves when a worker says so; rejects when it ends instead. */
async function ready(worker: ChildProcess): Promise<void> {
  const gone = once(worker, "exit").then(() => Promise.reject(new Error("a BullMQ worker ended")));
  await Promise.race([once(worker, "message"), gone]);
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}
