import type { ListStagesRequest, ListStagesResponse, StageInfo } from "@heimdex/contracts/v1/stage";
import type { PortSpec, StageRecord } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";
import { z } from "zod";
import { readPage } from "./catalog-pages.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { LiveSessions } from "./sessions.ts";
import { Violations } from "./violations.ts";

const position = z.strictObject({ id: z.string().max(512), sort: z.string().max(128) });

/** heimdex.v1.StageService. */
export class StageService {
  readonly #catalog: Catalog;
  readonly #sessionTtlMs: number;

  constructor(catalog: Catalog, sessionTtlMs: number) {
    this.#catalog = catalog;
    this.#sessionTtlMs = sessionTtlMs;
  }

  async listStages(request: ListStagesRequest): Promise<ListStagesResponse> {
    const violations = new Violations();
    const size = violations.pageSize("page_size", request.pageSize, 1000, 100);
    const scope = ["ListStages"];
    const after = decodePageToken(request.pageToken, scope, position, violations);
    violations.throwIfAny();
    const query = { collection: "stages", by: "id", ...(after === undefined ? {} : { after }) } as const;
    const [{ documents, next }, sessions] = await Promise.all([
      readPage<StageRecord>(this.#catalog, query, size, () => true),
      LiveSessions.read(this.#catalog, this.#sessionTtlMs),
    ]);
    return {
      stages: documents.map(({ body }) => stageInfo(body, sessions)),
      nextPageToken: next === undefined ? "" : encodePageToken(scope, next),
    };
  }
}

function stageInfo(record: StageRecord, sessions: LiveSessions): StageInfo {
  const { manifest } = record;
  return {
    stage: manifest.name,
    version: manifest.version,
    description: manifest.description,
    state: record.state,
    reason: record.reason,
    workers: sessions.workers(manifest.name),
    models: record.models.map(({ id }) => id),
    inputs: manifest.inputs.map(portText),
    outputs: manifest.outputs.map(portText),
  };
}

function portText({ mediaType, schema, major }: PortSpec): string {
  return `${mediaType}; ${schema}/${major}`;
}
