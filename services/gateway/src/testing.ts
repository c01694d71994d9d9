import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { MemoryBus } from "@heimdex/adapters-memory";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import {
  type AssetRecord,
  activeTerm,
  type Job,
  newJob,
  type SessionRecord,
  type StageRecord,
  type Step,
  sourceId,
} from "@heimdex/kernel";
import type { Blobs, Collection } from "@heimdex/ports";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import type { Metrics } from "@heimdex/telemetry";
import type { z } from "zod";
import { gatewayConfig } from "./config.ts";
import { type Gateway, startGateway } from "./gateway.ts";
import type { GatewayPorts } from "./ports.ts";
import type { GatewayTelemetry } from "./telemetry.ts";

/** A gateway on real adapters in a folder of its own, and what a test needs around it. Test code only. */
export interface TestGateway extends Gateway {
  readonly ports: GatewayPorts;
  readonly folder: string;
  /** What went to the log at level error. */
  readonly errors: unknown[];
  /** Stores a document as the orchestrator would. */
  store(collection: Collection, id: string, body: unknown, terms: readonly string[], sort?: string): Promise<void>;
  storeJob(job: Job): Promise<void>;
  storeAsset(asset: AssetRecord): Promise<void>;
}

type Config = z.input<typeof gatewayConfig>;

/** Starts one for the length of a test; ports are free ones unless `config` says otherwise.
 * @param blobs in place of a folder of its own */
export async function openGateway(
  t: TestContext,
  config: Config = {},
  blobs?: Blobs,
  metrics?: Metrics,
): Promise<TestGateway> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-gateway-"));
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const errors: unknown[] = [];
  const ports = {
    catalog: stack.use(await SqliteCatalog.open(join(folder, "catalog.sqlite"))),
    bus: stack.use(new MemoryBus({ onError: (error) => errors.push(error) })),
    blobs: blobs ?? stack.use(await FolderBlobs.open(join(folder, "blobs"))),
    index: stack.use(await LanceMomentIndex.open(join(folder, "index"), { analyze, analyzerId: ANALYZER_ID })),
  };
  const parsed = gatewayConfig.parse({
    watchPollMs: 50,
    ...config,
    http: { port: 0, ...config.http },
    grpc: { port: 0, ...config.grpc },
  });
  const telemetry = { ...quiet(errors), ...(metrics && { metrics }) };
  const gateway = stack.use(await startGateway(ports, parsed, telemetry, new AbortController().signal));
  const store: TestGateway["store"] = async (collection, id, body, terms, sort = "") => {
    await ports.catalog.write([{ op: "put", collection, id, terms, sort, body }]);
  };
  return {
    ...gateway,
    ports,
    folder,
    errors,
    store,
    async storeJob(job) {
      const terms = [`tenant:${job.tenant}`];
      if (job.asset !== "") terms.push(`asset:${job.asset}`);
      if (job.endedAtMs === 0) terms.push("active", activeTerm(job.tenant));
      for (const step of job.steps) if (step.state === "READY") terms.push(`ready:${step.stage}`);
      if (job.steps.some((step) => step.state === "LEASED")) terms.push("leased");
      await store("jobs", job.id, job, terms);
    },
    async storeAsset(asset) {
      await store("assets", asset.id, asset, [`tenant:${asset.tenant}`], String(asset.createdAtMs).padStart(16, "0"));
      for (const { uri, size, modifiedMs } of asset.sources) {
        const source = { uri, tenant: asset.tenant, size, modifiedMs, fingerprint: asset.fingerprint, asset: asset.id };
        await store("sources", sourceId(asset.tenant, uri), source, [
          `asset:${asset.id}`,
          `uri-tenant:${asset.tenant}`,
        ]);
      }
    },
  };
}

/** A telemetry that keeps errors and drops the rest. */
export function quiet(errors: unknown[]): GatewayTelemetry {
  const drop = () => {};
  return { log: { debug: drop, info: drop, warn: drop, error: (fields) => errors.push(fields) } };
}

export function job(id: string, more: Partial<Job> = {}): Job {
  return newJob({
    id,
    tenant: "default",
    sourceUri: "file:///films/harbour.mp4",
    state: "RUNNING",
    createdAtMs: 1_700_000_000_000,
    traceId: "0af7651916cd43dd8448eb211c80319c",
    rootSpanId: "b7ad6b7169203331",
    ...more,
  });
}

export function step(stage: string, more: Partial<Step> = {}): Step {
  return {
    stage,
    version: "1.0.0",
    behaviour: 1,
    digest: "",
    config: {},
    models: [],
    bindings: [],
    outputPorts: [],
    conditions: [],
    after: [],
    attemptMs: 60_000,
    stallMs: 10_000,
    state: "WAITING",
    reason: "",
    help: "",
    partial: "",
    key: "",
    lease: undefined,
    ending: undefined,
    epoch: 0,
    failures: 0,
    lost: 0,
    notBeforeMs: 0,
    outputs: [],
    wallMs: 0,
    cpuMs: 0,
    worker: "",
    device: "",
    readyAtMs: 0,
    startedAtMs: 0,
    endedAtMs: 0,
    estimateMs: 0,
    logTail: "",
    ...more,
  };
}

export function asset(id: string, more: Partial<AssetRecord> = {}): AssetRecord {
  return {
    id,
    tenant: "default",
    fingerprint: "ab".repeat(32),
    size: 10,
    title: "harbour.mp4",
    durationMs: 60_000,
    sources: [{ uri: `file:///films/${id}.mp4`, size: 10, modifiedMs: 1_600_000_000_000, missing: false }],
    sidecarRevision: 0,
    indexedRevision: 0,
    latestJob: "",
    createdAtMs: 1_700_000_000_000,
    traceId: "",
    rootSpanId: "",
    ...more,
  };
}

export function session(id: string, stages: readonly string[], more: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id,
    tokenHash: "",
    key: "",
    tenant: "*",
    mayServe: [],
    expiresAtMs: 0,
    worker: "worker-1",
    device: "cpu",
    openedAtMs: Date.now(),
    seenAtMs: Date.now(),
    mountProven: false,
    outside: false,
    stages: stages.map((stage) => ({ stage, version: "1.0.0", models: [], unavailable: "", interactive: false })),
    renewals: {},
    ...more,
  };
}

export function stage(name: string, more: Partial<StageRecord> = {}): StageRecord {
  const port = {
    name: "layer",
    mediaType: "application/json",
    schema: "heimdex.layer.text",
    major: 1,
    many: false,
    optional: false,
    layerSchema: "",
  };
  return {
    manifest: {
      name,
      version: "1.0.0",
      behaviour: 1,
      description: `Does ${name}.`,
      inputs: [{ ...port, name: "media", schema: "heimdex.media" }],
      outputs: [port],
      conditions: [],
      configSchema: "",
      resources: { cpu: 1, memoryMib: 100, gpu: false },
      timeouts: { attemptMs: 60_000, stallMs: 10_000 },
      deterministic: true,
    },
    digest: "",
    state: "ENABLED",
    reason: "",
    help: "",
    models: [{ id: "ppocr-v4", sha256: "", licence: "Apache-2.0" }],
    interactive: false,
    digests: {},
    ...more,
  };
}

export interface HttpReply {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
  /** The body as JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look at what came, whatever it is
  readonly json: any;
}

export interface HttpAsk {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One HTTP request with exactly these headers: `fetch` would not let a test set Host or Origin. An object as `json` goes as a JSON body. */
export async function ask(
  address: string,
  path: string,
  { method = "GET", headers = {}, body }: HttpAsk = {},
): Promise<HttpReply> {
  const { hostname, port } = new URL(`http://${address}`);
  const chunked = "transfer-encoding" in headers || body === undefined;
  const length = chunked ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const request = httpRequest({ hostname, port, path, method, headers: { ...length, ...headers }, agent: false });
  request.end(body);
  const [response] = (await once(request, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: bytes,
    get json() {
      return JSON.parse(bytes.toString("utf8"));
    },
  };
}

/** A POST as our own clients send it. */
export function post(address: string, path: string, json: unknown): Promise<HttpReply> {
  return ask(address, path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(json),
  });
}
