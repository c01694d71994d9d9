import { stat } from "node:fs/promises";
import {
  type GetStatusRequest,
  ReindexRequest,
  ReindexResponse,
  type StageStatus,
  type Status,
} from "@heimdex/contracts/v1/system";
import { disabledReason, type Job, type StageRecord } from "@heimdex/kernel";
import { readAll } from "@heimdex/ports";
import type { Call } from "./call.ts";
import type { GatewayConfig } from "./config.ts";
import type { OrchestratorClient } from "./orchestrator-client.ts";
import type { GatewayPorts } from "./ports.ts";
import { LiveSessions } from "./sessions.ts";
import { spaceStatuses } from "./space-status.ts";
import { tenantOf } from "./tenant.ts";

/** heimdex.v1.SystemService. */
export class SystemService {
  readonly #ports: GatewayPorts;
  readonly #orchestrator: OrchestratorClient;
  readonly #config: GatewayConfig;
  readonly #startedAtMs = Date.now();

  constructor(ports: GatewayPorts, orchestrator: OrchestratorClient, config: GatewayConfig) {
    this.#ports = ports;
    this.#orchestrator = orchestrator;
    this.#config = config;
  }

  async getStatus(_request: GetStatusRequest): Promise<Status> {
    const { catalog, blobs, index } = this.#ports;
    const tenant = tenantOf();
    const [assets, activeJobs, runningSteps, usage, stats, freeBytes, catalogBytes, pause, stages] = await Promise.all([
      catalog.count("assets", `tenant:${tenant}`),
      catalog.count("jobs", "active"),
      this.#runningSteps(),
      blobs.usage(tenant),
      index.stats(tenant),
      blobs.freeBytes(),
      this.#catalogBytes(),
      catalog.get<{ reason: string }>("meta", "pause"),
      this.#stages(),
    ]);
    return {
      version: this.#config.version,
      profile: this.#config.profile,
      data: this.#config.data,
      startMs: this.#startedAtMs,
      assets,
      activeJobs,
      readySteps: stages.statuses.reduce((sum, { ready }) => sum + ready, 0),
      runningSteps,
      moments: stats.rows,
      bytes: {
        blobs: usage.cas,
        uploads: usage.uploads,
        sidecars: usage.sidecars,
        index: stats.bytes,
        ...(catalogBytes === undefined ? {} : { catalog: catalogBytes }),
      },
      freeBytes: freeBytes ?? 0,
      pausedReason: pause?.body.reason ?? "",
      stages: stages.statuses,
      spaces: await spaceStatuses(catalog, tenant, stats.spaces),
      models: stages.models,
    };
  }

  async reindex(request: ReindexRequest, { signal }: Call): Promise<ReindexResponse> {
    const options = { timeoutMs: this.#config.reindexTimeoutMs, signal };
    return this.#orchestrator.call("SystemService.Reindex", [ReindexRequest, request], ReindexResponse, options);
  }

  async #stages(): Promise<{ readonly statuses: StageStatus[]; readonly models: string[] }> {
    const { catalog } = this.#ports;
    const sessions = await LiveSessions.read(catalog, this.#config.sessionTtlMs);
    const statuses: StageStatus[] = [];
    const models = new Set<string>();
    for await (const { body } of readAll<StageRecord>(catalog, { collection: "stages" })) {
      const stage = body.manifest.name;
      const workers = sessions.workers(stage);
      // A job has a stage at most once, so jobs with a ready step of the stage are ready steps.
      const ready = await catalog.count("jobs", `ready:${stage}`);
      const isOff = body.disabled !== undefined;
      const state = isOff ? "DISABLED" : body.state === "ENABLED" && workers === 0 ? "NO_WORKER" : body.state;
      statuses.push({ stage, state, reason: isOff ? disabledReason(body) : body.reason, workers, ready });
      if (body.state !== "RETIRED" && !isOff) for (const { id } of body.models) models.add(id);
    }
    return { statuses, models: [...models].sort() };
  }

  /** A job may have several steps under way, so its document has to be looked into; there are only as many as workers have slots. */
  async #runningSteps(): Promise<number> {
    let running = 0;
    for await (const { body } of readAll<Job>(this.#ports.catalog, { collection: "jobs", term: "leased" }))
      running += body.steps.filter((step) => step.state === "LEASED").length;
    return running;
  }

  /** Undefined where the catalog lies elsewhere. */
  async #catalogBytes(): Promise<number | undefined> {
    const files = this.#config.catalogFiles;
    if (files.length === 0) return undefined;
    const sizes = await Promise.all(
      files.map(async (path) => {
        const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
          if (error.code === "ENOENT") return undefined; // SQLite's WAL comes and goes
          throw error;
        });
        return found?.size ?? 0;
      }),
    );
    return sizes.reduce((sum, size) => sum + size, 0);
  }
}
