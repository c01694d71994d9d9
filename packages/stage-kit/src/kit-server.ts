import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { MemoryBus } from "@heimdex/adapters-memory";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { HeimdexError } from "@heimdex/errors";
import { EMPTY_PLAN_CONFIG, isFinal, type Job, type Step } from "@heimdex/kernel";
import {
  DEFAULT_ORCHESTRATOR_CONFIG,
  type Orchestrator,
  type OrchestratorPorts,
  startOrchestrator,
} from "@heimdex/orchestrator";
import type { Catalog, Collection } from "@heimdex/ports";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import { startTelemetry } from "@heimdex/telemetry";
import { ACCEPT_WITHIN_MS, LEASE_TTL_MS, MAX_WAIT_MS, RENEW_EVERY_MS } from "./times.ts";

const LOOK_AGAIN_MS = 20;
/** An event on the bus may be lost. */
const HINT_LOST_MS = 1_000;
const COMMAND_MS = 30_000;
const TENANT = "default";

/** Configuration of stages, by name. */
export type StageConfigs = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** Opens what a server keeps its data in; disposing closes it. */
export type OpenPorts = () => Promise<OrchestratorPorts & AsyncDisposable>;

/** A real orchestrator with short times: on the adapters of one machine in a folder of its own, or on whatever else it is given. */
export class KitServer implements AsyncDisposable {
  readonly #ports: OrchestratorPorts;
  readonly #folder: string;
  readonly #cleanup: AsyncDisposableStack;
  readonly #signingKey = randomBytes(32);
  /** Says `changed` when something was written to a job. */
  readonly #jobs = new EventEmitter().setMaxListeners(0);
  #orchestrator: Orchestrator | undefined;
  /** The same at every start: whoever dials in by itself finds it again. */
  #address = "127.0.0.1:0";

  private constructor(folder: string, ports: OrchestratorPorts, cleanup: AsyncDisposableStack) {
    this.#folder = folder;
    this.#ports = ports;
    this.#cleanup = cleanup;
  }

  /** @param folder for what it needs while it runs
   * @param openPorts Default: embedded ones, in the folder */
  static async open(folder: string, openPorts?: OpenPorts): Promise<KitServer> {
    await using cleanup = new AsyncDisposableStack();
    await mkdir(folder, { recursive: true });
    const { catalog, bus, blobs, index } = cleanup.use(await (openPorts?.() ?? embeddedPorts(folder)));
    const ports = { catalog: withoutCache(catalog), bus, blobs, index };
    const server = new KitServer(folder, ports, cleanup.move());
    await ports.bus.subscribe("events.job.>", () => void server.#jobs.emit("changed"));
    await server.start({});
    return server;
  }

  /** Where workers dial. */
  get address(): string {
    return this.#address;
  }

  async start(stages: StageConfigs): Promise<void> {
    const telemetry = startTelemetry("orchestrator", { logLevel: "silent", otlpEndpoint: "" });
    this.#orchestrator = await startOrchestrator(
      this.#ports,
      {
        ...DEFAULT_ORCHESTRATOR_CONFIG,
        workerAddress: this.#address,
        dataAddress: "127.0.0.1:0",
        runFolder: join(this.#folder, "run"),
        signingKey: this.#signingKey,
        acceptWithinMs: ACCEPT_WITHIN_MS,
        leaseTtlMs: LEASE_TTL_MS,
        renewEveryMs: RENEW_EVERY_MS,
        maxWaitMs: MAX_WAIT_MS,
        sweepEveryMs: 100,
        healEveryMs: 1_000,
        minFreeBytes: 0,
        retry: { ...DEFAULT_ORCHESTRATOR_CONFIG.retry, attempts: 2, losses: 10, baseMs: 10 },
        plan: { ...EMPTY_PLAN_CONFIG, stages },
        soleHost: true,
      },
      telemetry,
    );
    this.#address = this.#orchestrator.workerAddress;
    this.#orchestrator.openIntake();
  }

  /** Ends it as its host does. Its data stay. */
  async stop(): Promise<void> {
    await this.#orchestrator?.[Symbol.asyncDispose]();
    this.#orchestrator = undefined;
  }

  /** Indexes a file; says the job's id. */
  async createJob(sourceUri: string): Promise<string> {
    const request = { tenant: TENANT, request: { source_uri: sourceUri } };
    const answer = await this.#ports.bus.request("api.JobService.CreateJob", request, { timeoutMs: COMMAND_MS });
    return (answer as { job: string }).job;
  }

  /** Cancels a job, unless it has ended meanwhile. */
  async cancelJob(job: string): Promise<void> {
    const request = { tenant: TENANT, request: { job } };
    try {
      await this.#ports.bus.request("api.JobService.CancelJob", request, { timeoutMs: COMMAND_MS });
    } catch (reason) {
      if (HeimdexError.from(reason).id !== "JOB_ENDED") throw reason;
    }
  }

  /** A job's step of a stage as it is; undefined while the job is not planned yet. Throws when the job could not be planned. */
  async step(job: string, stage: string): Promise<Step | undefined> {
    const stored = await this.#ports.catalog.get<Job>("jobs", job);
    if (stored?.body.state === "FAILED" && stored.body.steps.length === 0)
      throw new HeimdexError("INTERNAL", `the kit's own input could not be indexed: ${stored.body.reason}`);
    return stored?.body.steps.find((step) => step.stage === stage);
  }

  /** Waits until a stage is registered. */
  async registered(stage: string): Promise<void> {
    while ((await this.#ports.catalog.get("stages", stage)) === undefined) await delay(LOOK_AGAIN_MS);
  }

  /** The step of a job once it has ended; undefined when `stop` aborts before. */
  async stepEnded(job: string, stage: string, stop: AbortSignal): Promise<Step | undefined> {
    for (;;) {
      const again = AbortSignal.any([stop, AbortSignal.timeout(HINT_LOST_MS)]);
      const changed = once(this.#jobs, "changed", { signal: again }).catch(() => undefined);
      const step = await this.step(job, stage);
      if (step !== undefined && isFinal(step.state)) return step;
      if (stop.aborted) return undefined;
      await changed;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#cleanup.disposeAsync();
  }
}

async function embeddedPorts(folder: string): Promise<OrchestratorPorts & AsyncDisposable> {
  await using opened = new AsyncDisposableStack();
  const ports = {
    catalog: opened.use(await SqliteCatalog.open(join(folder, "catalog.sqlite"))),
    bus: opened.use(new MemoryBus({ onError: () => undefined })),
    blobs: opened.use(await FolderBlobs.open(join(folder, "blobs"))),
    index: opened.use(await LanceMomentIndex.open(join(folder, "index"), { analyze, analyzerId: ANALYZER_ID })),
  };
  const held = opened.move();
  return { ...ports, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

/** A catalog in which no results of earlier steps are found: each file is work, though a stage's inputs may be equal for all of them. */
function withoutCache(catalog: Catalog): Catalog {
  return new Proxy(catalog, {
    get(target, key) {
      const value: unknown = Reflect.get(target, key);
      if (typeof value !== "function") return value;
      if (key !== "getMany") return value.bind(target);
      return async (collection: Collection, ids: readonly string[]) =>
        collection === "cache" ? ids.map(() => undefined) : target.getMany(collection, ids);
    },
  });
}
