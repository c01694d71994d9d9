import { ListSourcesRequest, ListSourcesResponse } from "@heimdex/contracts/v1/source";
import { z } from "zod";
import type { Call } from "./call.ts";
import type { GatewayConfig } from "./config.ts";
import type { OrchestratorClient } from "./orchestrator-client.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { Violations } from "./violations.ts";

const position = z.strictObject({ after: z.string().max(16_384) });

/** heimdex.v1.SourceService: the orchestrator looks, since it is what reads films. */
export class SourceService {
  readonly #orchestrator: OrchestratorClient;
  readonly #config: GatewayConfig;

  constructor(orchestrator: OrchestratorClient, config: GatewayConfig) {
    this.#orchestrator = orchestrator;
    this.#config = config;
  }

  async listSources(request: ListSourcesRequest, { caller, signal }: Call): Promise<ListSourcesResponse> {
    const violations = new Violations();
    violations.sourceUri("uri", request.uri);
    const pageSize = violations.pageSize("page_size", request.pageSize, 1000, 500);
    const scope = ["ListSources", caller.tenant, request.uri];
    const pageToken = decodePageToken(request.pageToken, scope, position, violations)?.after ?? "";
    violations.throwIfAny();
    const { leftOut, nextPageToken, sources } = await this.#orchestrator.call(
      "SourceService.ListSources",
      [ListSourcesRequest, { uri: request.uri, pageSize, pageToken }],
      ListSourcesResponse,
      { tenant: caller.tenant, timeoutMs: this.#config.requestTimeoutMs, signal },
    );
    const token = nextPageToken === "" ? "" : encodePageToken(scope, { after: nextPageToken });
    return { sources, leftOut, nextPageToken: token };
  }
}
