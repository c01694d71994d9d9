import { stat } from "node:fs/promises";
import { seesWhole } from "@heimdex/access";
import {
  type GetStatusRequest,
  ReindexRequest,
  ReindexResponse,
  type StageStatus,
  type Status,
} from "@heimdex/contracts/v1/system";
import { activeTerm, type Job, type StageRecord, stageStanding } from "@heimdex/kernel";
import { readAll } from "@heimdex/ports";
import type { Call } from "./call.ts";
import type { GatewayConfig } from "./config.ts";
import type { OrchestratorClient } from "./orchestrator-client.ts";
import type { GatewayPorts } from "./ports.ts";
import { LiveSessions } from "./sessions.ts";
import { spaceStatuses } from "./space-status.ts";
import { Staleness } from "./staleness.ts";

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

  async getStatus(_request: GetStatusRequest, { caller }: Call): Promise<Status> {
    const { catalog, blobs, index } = this.#ports;
    const { tenant } = caller;
    // What the tenants share is for those who run it.
    const ofAll = seesWhole(caller);
    const leased = await this.#leasedSteps(ofAll ? undefined : tenant);
    const [assets, activeJobs, usage, stats, freeBytes, catalogBytes, pause, stages] = await Promise.all([
      catalog.count("assets", `tenant:${tenant}`),
      catalog.count("jobs", ofAll ? "active" : activeTerm(tenant)),
      blobs.usage(tenant),
      index.stats(tenant),
      ofAll ? blobs.freeBytes() : undefined,
      ofAll ? this.#catalogBytes() : undefined,
      catalog.get<{ reason: string }>("meta", "pause"),
      this.#stages(tenant, ofAll, leased),
    ]);
    return {
      version: this.#config.version,
      profile: this.#config.profile,
      data: ofAll ? this.#config.data : "",
      startMs: this.#startedAtMs,
      assets,
      activeJobs,
      readySteps: stages.statuses.reduce((sum, { ready }) => sum + ready, 0),
      runningSteps: leased.values().reduce((sum, steps) => sum + steps, 0),
      moments: stats.rows,
      bytes: {
        blobs: usage.cas,
        uploads: usage.uploads,
        sidecars: usage.sidecars,
        ...(ofAll ? { index: stats.bytes } : {}),
        ...(catalogBytes === undefined ? {} : { catalog: catalogBytes }),
      },
      freeBytes: freeBytes ?? 0,
      pausedReason: pause?.body.reason ?? "",
      stages: stages.statuses,
      spaces: await spaceStatuses(catalog, tenant, stats.spaces),
      models: stages.models,
      staleAssets: await (await Staleness.read(catalog)).count(catalog, tenant),
    };
  }

  async reindex(request: ReindexRequest, { caller, signal }: Call): Promise<ReindexResponse> {
    const options = { tenant: caller.tenant, timeoutMs: this.#config.reindexTimeoutMs, signal };
    return this.#orchestrator.call("SystemService.Reindex", [ReindexRequest, request], ReindexResponse, options);
  }

  /** @param ofAll with how much of each waits, over all tenants
   * @param leased steps under way, by stage */
  async #stages(
    tenant: string,
    ofAll: boolean,
    leased: ReadonlyMap<string, number>,
  ): Promise<{ readonly statuses: StageStatus[]; readonly models: string[] }> {
    const { catalog } = this.#ports;
    const sessions = await LiveSessions.read(catalog, tenant, this.#config.sessionTtlMs);
    const statuses: StageStatus[] = [];
    const models = new Set<string>();
    for await (const { body } of readAll<StageRecord>(catalog, { collection: "stages" })) {
      const stage = body.manifest.name;
      const workers = sessions.workers(stage, body.manifest.version);
      // A job has a stage at most once, so jobs with a ready step of the stage are ready steps.
      const ready = ofAll ? await catalog.count("jobs", `ready:${stage}`) : 0;
      const { state, reason } = stageStanding(body);
      const shown = state === "ENABLED" && workers === 0 ? "NO_WORKER" : state;
      statuses.push({ stage, state: shown, reason, workers, ready, leased: leased.get(stage) ?? 0 });
      if (state === "ENABLED" || state === "UNAVAILABLE") for (const { id } of body.models) models.add(id);
    }
    return { statuses, models: [...models].sort() };
  }

  /** Steps under way, by stage. A job may have several, so its document has to be looked into; there are only as many as workers have slots.
   * @param tenant whose; undefined: all */
  async #leasedSteps(tenant: string | undefined): Promise<ReadonlyMap<string, number>> {
    const leased = new Map<string, number>();
    for await (const { body } of readAll<Job>(this.#ports.catalog, { collection: "jobs", term: "leased" }))
      if (tenant === undefined || body.tenant === tenant)
        for (const { stage, state } of body.steps)
          if (state === "LEASED") leased.set(stage, (leased.get(stage) ?? 0) + 1);
    return leased;
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
