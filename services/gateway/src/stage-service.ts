import {
  DisableStageRequest,
  DisableStageResponse,
  EnableStageRequest,
  type ListStagesRequest,
  type ListStagesResponse,
  StageInfo,
} from "@heimdex/contracts/v1/stage";
import { HeimdexError } from "@heimdex/errors";
import { type PortSpec, type StageRecord, stageStanding } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";
import { z } from "zod";
import type { Call } from "./call.ts";
import { readPage } from "./catalog-pages.ts";
import type { GatewayConfig } from "./config.ts";
import type { OrchestratorClient } from "./orchestrator-client.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { LiveSessions } from "./sessions.ts";
import { Violations } from "./violations.ts";

const position = z.strictObject({ id: z.string().max(512), sort: z.string().max(128) });

/** heimdex.v1.StageService. */
export class StageService {
  readonly #catalog: Catalog;
  readonly #orchestrator: OrchestratorClient;
  readonly #config: GatewayConfig;

  constructor(catalog: Catalog, orchestrator: OrchestratorClient, config: GatewayConfig) {
    this.#catalog = catalog;
    this.#orchestrator = orchestrator;
    this.#config = config;
  }

  async listStages(request: ListStagesRequest, { caller }: Call): Promise<ListStagesResponse> {
    const violations = new Violations();
    const size = violations.pageSize("page_size", request.pageSize, 1000, 100);
    const scope = ["ListStages"];
    const after = decodePageToken(request.pageToken, scope, position, violations);
    violations.throwIfAny();
    const query = { collection: "stages", by: "id", ...(after === undefined ? {} : { after }) } as const;
    const [{ documents, next }, sessions] = await Promise.all([
      readPage<StageRecord>(this.#catalog, query, size, () => true),
      LiveSessions.read(this.#catalog, caller.tenant, this.#config.sessionTtlMs),
    ]);
    return {
      stages: documents.map(({ body }) => stageInfo(body, sessions)),
      nextPageToken: next === undefined ? "" : encodePageToken(scope, next),
    };
  }

  async disableStage(request: DisableStageRequest, { caller, signal }: Call): Promise<DisableStageResponse> {
    checkName(request.stage);
    // Every sidecar of the archive may have to be looked at, as for a rebuild of the index.
    const options = { tenant: caller.tenant, timeoutMs: this.#config.reindexTimeoutMs, signal };
    const method = "StageService.DisableStage";
    const reply = await this.#orchestrator.call(method, [DisableStageRequest, request], DisableStageResponse, options);
    return { ...reply, stage: await this.#read(caller.tenant, request.stage) };
  }

  async enableStage(request: EnableStageRequest, { caller, signal }: Call): Promise<StageInfo> {
    checkName(request.stage);
    const options = { tenant: caller.tenant, timeoutMs: this.#config.requestTimeoutMs, signal };
    await this.#orchestrator.call("StageService.EnableStage", [EnableStageRequest, request], StageInfo, options);
    return this.#read(caller.tenant, request.stage);
  }

  async #read(tenant: string, stage: string): Promise<StageInfo> {
    const stored = await this.#catalog.get<StageRecord>("stages", stage);
    if (stored === undefined)
      throw new HeimdexError("NOT_FOUND", `there is no stage ${stage}`, { metadata: { stage } });
    return stageInfo(stored.body, await LiveSessions.read(this.#catalog, tenant, this.#config.sessionTtlMs));
  }
}

function checkName(stage: string): void {
  const violations = new Violations();
  violations.check(stage !== "" && stage.length <= 128, "stage", "must be 1 to 128 characters");
  violations.throwIfAny();
}

function stageInfo(record: StageRecord, sessions: LiveSessions): StageInfo {
  const { manifest } = record;
  const { state, reason } = stageStanding(record);
  return {
    stage: manifest.name,
    version: manifest.version,
    description: manifest.description,
    state,
    reason,
    workers: sessions.workers(manifest.name, manifest.version),
    otherVersions: sessions.otherVersions(manifest.name, manifest.version),
    models: record.models.map(({ id }) => id),
    inputs: manifest.inputs.map(portText),
    outputs: manifest.outputs.map(portText),
  };
}

function portText({ mediaType, schema, major }: PortSpec): string {
  return `${mediaType}; ${schema}/${major}`;
}
