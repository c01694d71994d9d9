import { Empty } from "@heimdex/contracts/google/protobuf/empty";
import {
  Asset,
  Asset_State,
  DeleteAssetRequest,
  type GetAssetRequest,
  type ListAssetsRequest,
  type ListAssetsResponse,
  type SignPathsRequest,
  type SignPathsResponse,
} from "@heimdex/contracts/v1/asset";
import type { AssetRecord } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";
import { z } from "zod";
import { assetOfSource, readAsset } from "./asset-reader.ts";
import type { Call } from "./call.ts";
import { fitPage, readPage } from "./catalog-pages.ts";
import type { GatewayConfig } from "./config.ts";
import type { OrchestratorClient } from "./orchestrator-client.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { SignedPaths } from "./signed-paths.ts";
import { Staleness } from "./staleness.ts";
import { Violations } from "./violations.ts";

const position = z.strictObject({ id: z.string().max(512), sort: z.string().max(128) });

/** Paths signed by one call. */
const MAX_PATHS = 1000;

/** heimdex.v1.AssetService. */
export class AssetService {
  readonly #catalog: Catalog;
  readonly #orchestrator: OrchestratorClient;
  readonly #signedPaths: SignedPaths;
  readonly #config: GatewayConfig;
  readonly #httpUrl: () => string;

  /** @param httpUrl where callers reach HTTP; "" where that is not known */
  constructor(
    catalog: Catalog,
    orchestrator: OrchestratorClient,
    signedPaths: SignedPaths,
    config: GatewayConfig,
    httpUrl: () => string,
  ) {
    this.#httpUrl = httpUrl;
    this.#catalog = catalog;
    this.#orchestrator = orchestrator;
    this.#signedPaths = signedPaths;
    this.#config = config;
  }

  async getAsset(request: GetAssetRequest, { caller }: Call): Promise<Asset> {
    const violations = new Violations();
    violations.id("asset", request.asset);
    violations.throwIfAny();
    const { body } = await readAsset(this.#catalog, caller.tenant, request.asset);
    return assetMessage(body, await Staleness.read(this.#catalog));
  }

  async listAssets(request: ListAssetsRequest, { caller }: Call): Promise<ListAssetsResponse> {
    const violations = new Violations();
    const size = violations.pageSize("page_size", request.pageSize, 1000, 100);
    violations.check(request.sourceUri.length <= 16_384, "source_uri", "must be at most 16384 characters");
    const scope = ["ListAssets", caller.tenant, request.sourceUri];
    const after = decodePageToken(request.pageToken, scope, position, violations);
    violations.throwIfAny();
    const staleness = await Staleness.read(this.#catalog);
    if (request.sourceUri !== "") {
      const document = await assetOfSource(this.#catalog, caller.tenant, request.sourceUri);
      return { assets: document === undefined ? [] : [assetMessage(document.body, staleness)], nextPageToken: "" };
    }
    const page = await readPage<AssetRecord>(
      this.#catalog,
      {
        collection: "assets",
        term: `tenant:${caller.tenant}`,
        by: "sort", // the time it was first seen
        descending: true,
        ...(after === undefined ? {} : { after }),
      },
      size,
      () => true,
    );
    const { messages, next } = fitPage(
      page,
      ({ body }) => assetMessage(body, staleness),
      (asset) => Asset.encode(asset).finish().length,
    );
    return { assets: messages, nextPageToken: next === undefined ? "" : encodePageToken(scope, next) };
  }

  async signPaths({ paths }: SignPathsRequest, { caller }: Call): Promise<SignPathsResponse> {
    const violations = new Violations();
    violations.check(paths.length >= 1 && paths.length <= MAX_PATHS, "paths", `must be 1 to ${MAX_PATHS}`);
    for (const [at, path] of paths.entries())
      violations.check(SignedPaths.isSignable(path), `paths[${at}]`, "must be the path of media or of a blob");
    violations.throwIfAny();
    const untilMs = Date.now() + this.#config.signedPathMs;
    return {
      paths: paths.map((path) => this.#signedPaths.sign(path, caller, untilMs)),
      expireTime: new Date(untilMs),
      baseUrl: this.#httpUrl(),
    };
  }

  async deleteAsset(request: DeleteAssetRequest, { caller, signal }: Call): Promise<Empty> {
    const violations = new Violations();
    violations.id("asset", request.asset);
    violations.throwIfAny();
    const options = { tenant: caller.tenant, timeoutMs: this.#config.requestTimeoutMs, signal };
    return this.#orchestrator.call("AssetService.DeleteAsset", [DeleteAssetRequest, request], Empty, options);
  }
}

function assetMessage(asset: AssetRecord, staleness: Staleness): Asset {
  return {
    asset: asset.id,
    fingerprint: asset.fingerprint,
    sources: asset.sources.map(({ uri, size, modifiedMs, missing }) => ({
      uri,
      size,
      modifyTime: modifiedMs === 0 ? undefined : new Date(modifiedMs),
      missing,
    })),
    title: asset.title,
    durationMs: asset.durationMs,
    sidecarRevision: asset.sidecarRevision,
    indexedRevision: asset.indexedRevision,
    latestJob: asset.latestJob,
    createTime: new Date(asset.createdAtMs),
    state: asset.sources.some((source) => !source.missing) ? Asset_State.PRESENT : Asset_State.MISSING,
    stale: staleness.of(asset),
  };
}
