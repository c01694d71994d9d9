import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { MemoryBus } from "@heimdex/adapters-memory";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import type { CreateJobRequest } from "@heimdex/contracts/v1/job";
import { type AssetRecord, type Job, jobEnded, type SpanData, type SpanRecord, type Step } from "@heimdex/kernel";
import type { Document } from "@heimdex/ports";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import type { Sidecar } from "@heimdex/sidecar";
import { type AnyStage, type ServeOptions, serveStages } from "@heimdex/stage-sdk";
import { type Metrics, startTelemetry } from "@heimdex/telemetry";
import { DEFAULT_ORCHESTRATOR_CONFIG, type OrchestratorConfig } from "../config.ts";
import { type Orchestrator, startOrchestrator } from "../orchestrator.ts";
import type { OrchestratorPorts } from "../ports.ts";
import { RawWorker } from "./raw-worker.ts";

/** The one tenant of these tests. */
export const TENANT = "default";

/** How long a test waits for what must come; far longer than it takes. */
const PATIENCE_MS = 60_000;

/** Stops the clock for the length of a test: `Date` stands still but for what is ticked, timers run as ever. So leases last while a slow machine takes
 * its time, and expire when the test says so. Tick less than what a sweep takes for the machine's sleep (10 s). */
export function stoppedClock(t: TestContext): { tick(ms: number): void } {
  t.mock.timers.enable({ apis: ["Date"], now: Date.now() });
  return { tick: (ms) => t.mock.timers.tick(ms) };
}

/** An orchestrator on real adapters in a folder of its own, and what a test needs around it. Test code only. */
export class World implements AsyncDisposable {
  readonly folder: string;
  readonly ports: OrchestratorPorts;
  /** What the orchestrator logged, level and message first. */
  readonly logged: { level: number; msg: string }[] = [];
  /** Kept by what is started from now on. */
  metrics: Metrics | undefined;
  readonly #config: OrchestratorConfig;
  readonly #stack: AsyncDisposableStack;
  #orchestrator: Orchestrator | undefined;

  private constructor(
    folder: string,
    ports: OrchestratorPorts,
    config: OrchestratorConfig,
    stack: AsyncDisposableStack,
  ) {
    this.folder = folder;
    this.ports = ports;
    this.#config = config;
    this.#stack = stack;
  }

  /** Starts one for the length of a test. Leases live long and clocks are looked at often, unless `config` says otherwise.
   * @param wrap puts something around the adapters */
  static async open(
    t: TestContext,
    config: Partial<OrchestratorConfig> = {},
    wrap: (ports: OrchestratorPorts) => OrchestratorPorts = (ports) => ports,
  ): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), "heimdex-orchestrator-"));
    const stack = new AsyncDisposableStack();
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const ports = wrap({
      catalog: stack.use(await SqliteCatalog.open(join(folder, "catalog.sqlite"))),
      bus: stack.use(new MemoryBus({ onError: (error) => assert.fail(error as Error) })),
      blobs: stack.use(await FolderBlobs.open(join(folder, "blobs"))),
      index: stack.use(await LanceMomentIndex.open(join(folder, "index"), { analyze, analyzerId: ANALYZER_ID })),
    });
    const world = new World(
      folder,
      ports,
      {
        ...DEFAULT_ORCHESTRATOR_CONFIG,
        workerAddress: "127.0.0.1:0",
        dataAddress: "127.0.0.1:0",
        runFolder: join(folder, "run"),
        signingKey: randomBytes(32),
        sweepEveryMs: 20,
        healEveryMs: 250,
        upkeepEveryMs: 50,
        upkeepTtlMs: 1_000,
        maxWaitMs: 2_000,
        minFreeBytes: 0,
        retry: { ...DEFAULT_ORCHESTRATOR_CONFIG.retry, baseMs: 10 },
        ...config,
      },
      stack,
    );
    t.after(() => world[Symbol.asyncDispose]());
    await world.start();
    return world;
  }

  /** Starts the orchestrator; `config` changes settings for this run. */
  async start(config: Partial<OrchestratorConfig> = {}, open = true): Promise<void> {
    this.#orchestrator = await startOrchestrator(this.ports, { ...this.#config, ...config }, this.#telemetry());
    if (open) this.#orchestrator.openIntake();
  }

  /** Starts another orchestrator beside it, on the same adapters or on `ports`; it ends with the world, or before. */
  async replica(
    config: Partial<OrchestratorConfig> = {},
    ports: OrchestratorPorts = this.ports,
  ): Promise<Orchestrator> {
    const whole = { ...this.#config, runFolder: join(this.folder, `run-${randomUUID()}`), ...config };
    const replica = await startOrchestrator(ports, whole, this.#telemetry());
    this.#stack.defer(() => replica[Symbol.asyncDispose]());
    replica.openIntake();
    return replica;
  }

  #telemetry() {
    const logTo = { write: (line: string) => void this.logged.push(JSON.parse(line)) };
    return startTelemetry("orchestrator", {
      logLevel: "debug",
      otlpEndpoint: "",
      logTo,
      ...(this.metrics && { metrics: this.metrics }),
    });
  }

  /** Ends the orchestrator as its host does. The adapters stay open. */
  async stop(): Promise<void> {
    await this.#orchestrator?.[Symbol.asyncDispose]();
    this.#orchestrator = undefined;
  }

  async restart(config: Partial<OrchestratorConfig> = {}): Promise<void> {
    await this.stop();
    await this.start(config);
  }

  openIntake(): void {
    this.#orchestrator?.openIntake();
  }

  get address(): string {
    return this.#orchestrator?.workerAddress ?? "";
  }

  get outerAddress(): string {
    return this.#orchestrator?.outerWorkerAddress ?? "";
  }

  /** Ends the orchestrator and everything that was started with it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#stack.disposeAsync();
  }

  /** Ends with the world, before the adapters do. */
  defer(end: () => void | Promise<void>): void {
    this.#stack.defer(end);
  }

  /** A worker that speaks the contract and nothing else. */
  async worker(key?: string, address = this.address): Promise<RawWorker> {
    const worker = await RawWorker.open(address, key);
    this.#stack.defer(() => worker.close());
    return worker;
  }

  /** Serves stages with the SDK, in this process, until the returned function is called or the world ends. Resolves when all are registered. */
  async serve(stages: readonly AnyStage[], options: ServeOptions = {}): Promise<() => Promise<void>> {
    const stop = new AbortController();
    const telemetry = startTelemetry("worker", { logLevel: "silent", otlpEndpoint: "" });
    const served = serveStages(stages, {
      orchestrator: this.address,
      worker: "worker",
      scratch: join(this.folder, "scratch"),
      graceMs: 0,
      signal: stop.signal,
      telemetry,
      ...options,
    });
    const ended = served.catch((reason: unknown) => reason);
    const end = async () => {
      stop.abort();
      await ended;
    };
    this.#stack.defer(end);
    const registered = this.until(async () => {
      const sessions = await this.ports.catalog.find<{ stages: { stage: string }[] }>({
        collection: "sessions",
        limit: 1000,
      });
      const known = new Set(sessions.flatMap(({ body }) => body.stages.map(({ stage }) => stage)));
      return stages.every((stage) => known.has(stage.name)) ? true : undefined;
    }, "the stages register");
    await Promise.race([registered, served.then(() => assert.fail("the worker ended before it was told to"))]);
    return end;
  }

  /** Writes a file into the folder of sources; says its URI. */
  async file(name: string, content: string | Uint8Array): Promise<string> {
    const path = this.path(name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return pathToFileURL(path).href;
  }

  path(name: string): string {
    return join(this.folder, "films", name);
  }

  /** A command of the public API as the gateway passes it on. */
  async command<R = Record<string, unknown>>(method: string, request: unknown, tenant = TENANT): Promise<R> {
    return (await this.ports.bus.request(`api.${method}`, { tenant, request }, { timeoutMs: PATIENCE_MS })) as R;
  }

  /** Creates a job and says its id. */
  async create(
    sourceUri: string,
    more: Partial<Omit<CreateJobRequest, "requestId">> & { request_id?: string } = {},
    tenant = TENANT,
  ) {
    const request = { source_uri: sourceUri, ...more };
    return (await this.command<{ job: string }>("JobService.CreateJob", request, tenant)).job;
  }

  /** Creates a job and waits until it is settled. */
  async index(sourceUri: string, more: Parameters<World["create"]>[1] = {}): Promise<Job> {
    return this.settled(await this.create(sourceUri, more));
  }

  async job(id: string): Promise<Job> {
    const stored = await this.ports.catalog.get<Job>("jobs", id);
    assert.ok(stored, `there is no job ${id}`);
    return stored.body;
  }

  async step(job: string, stage: string): Promise<Step> {
    const step = (await this.job(job)).steps.find((candidate) => candidate.stage === stage);
    assert.ok(step, `job ${job} has no step ${stage}`);
    return step;
  }

  async settled(id: string): Promise<Job> {
    return this.untilJob(id, (job) => jobEnded(job.state) && job.settled, "settles");
  }

  /** Waits until a job is as `wanted` says. */
  async untilJob(id: string, wanted: (job: Job) => boolean, what: string): Promise<Job> {
    return this.until(async () => {
      const job = (await this.ports.catalog.get<Job>("jobs", id))?.body;
      return job !== undefined && wanted(job) ? job : undefined;
    }, `job ${id} ${what}`);
  }

  /** Waits until `look` finds something. */
  async until<R>(look: () => Promise<R | undefined>, what: string): Promise<R> {
    for (const giveUpMs = performance.now() + PATIENCE_MS; performance.now() < giveUpMs; ) {
      const found = await look();
      if (found !== undefined) return found;
      await delay(5);
    }
    assert.fail(`waited ${PATIENCE_MS} ms until ${what}`);
  }

  async asset(id: string): Promise<AssetRecord> {
    const stored = await this.ports.catalog.get<AssetRecord>("assets", id);
    assert.ok(stored, `there is no asset ${id}`);
    return stored.body;
  }

  /** Waits until the newest sidecar of an asset answers searches. */
  async indexed(id: string): Promise<AssetRecord> {
    return this.until(async () => {
      const asset = (await this.ports.catalog.get<AssetRecord>("assets", id))?.body;
      return asset !== undefined && asset.indexedRevision >= asset.sidecarRevision ? asset : undefined;
    }, `asset ${id} is indexed`);
  }

  /** Waits until nothing is marked any more as to be told to the event log. */
  async allTold(): Promise<void> {
    await this.until(async () => {
      const marked = [...(await this.all<Job>("jobs")), ...(await this.all<AssetRecord>("assets"))];
      return marked.every(({ body }) => body.toTellMs === undefined) ? true : undefined;
    }, "all is told");
  }

  /** The newest sidecar of an asset. */
  async sidecar(id: string): Promise<Sidecar> {
    const { sidecarRevision } = await this.asset(id);
    const bytes = await this.ports.blobs.getNamed(TENANT, `sidecars/${id}/${sidecarRevision}.json`);
    assert.ok(bytes, `asset ${id} has no sidecar ${sidecarRevision}`);
    return JSON.parse(Buffer.from(bytes).toString()) as Sidecar;
  }

  /** All stored spans of a job. */
  async spans(job: string): Promise<SpanData[]> {
    const found = await this.ports.catalog.find<SpanRecord>({ collection: "spans", term: `job:${job}`, limit: 1000 });
    return found.flatMap(({ body }) => body.spans);
  }

  /** Every document of a collection. */
  async all<B>(collection: "assets" | "cache" | "jobs" | "sessions" | "sources" | "spans"): Promise<Document<B>[]> {
    return this.ports.catalog.find<B>({ collection, limit: 1000 });
  }
}
