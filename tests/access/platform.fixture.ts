import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { pathToFileURL } from "node:url";
import { authConfig, KeyStore, type Role } from "@heimdex/access";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { MemoryBus } from "@heimdex/adapters-memory";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { gatewayConfig, startGateway } from "@heimdex/gateway";
import type { Job } from "@heimdex/kernel";
import { DEFAULT_ORCHESTRATOR_CONFIG, startOrchestrator } from "@heimdex/orchestrator";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import { defineStage, json, serveStages, source } from "@heimdex/stage-sdk";
import { startTelemetry } from "@heimdex/telemetry";
import type { z as zod } from "zod";
import { z } from "zod";
import { until } from "../until.ts";

/** Far longer than anything takes. */
const PATIENCE_MS = 60_000;

/** A platform that asks for keys: a real gateway and orchestrator on the embedded adapters, and a worker of the SDK. */
export async function openPlatform(
  t: TestContext,
  options: {
    gateway?: zod.input<typeof gatewayConfig>;
    orchestrator?: Partial<Parameters<typeof startOrchestrator>[1]>;
    /** Default: in this process. */ worker?: "apart";
  } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-access-"));
  const stack = new AsyncDisposableStack();
  t.after(() => stack.disposeAsync());
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const errors: unknown[] = [];
  const telemetry = startTelemetry("host", {
    logLevel: "error",
    otlpEndpoint: "",
    logTo: { write: (line) => void errors.push(line) },
  });
  const ports = {
    catalog: stack.use(await SqliteCatalog.open(join(folder, "catalog.sqlite"))),
    bus: stack.use(new MemoryBus({ onError: (error) => errors.push(error) })),
    blobs: stack.use(await FolderBlobs.open(join(folder, "blobs"))),
    index: stack.use(await LanceMomentIndex.open(join(folder, "index"), { analyze, analyzerId: ANALYZER_ID })),
  };
  const auth = authConfig.parse({ required: true });
  const orchestrator = stack.use(
    await startOrchestrator(
      ports,
      {
        ...DEFAULT_ORCHESTRATOR_CONFIG,
        workerAddress: "127.0.0.1:0",
        dataAddress: "127.0.0.1:0",
        runFolder: join(folder, "run"),
        signingKey: Buffer.alloc(32, "walk"),
        minFreeBytes: 0,
        sourceRoots: [join(folder, "films")],
        auth,
        ...options.orchestrator,
      },
      telemetry,
    ),
  );
  const config = gatewayConfig.parse({
    watchPollMs: 50,
    http: { port: 0 },
    grpc: { port: 0 },
    auth: { required: true },
    ...options.gateway,
  });
  const gateway = stack.use(await startGateway(ports, config, telemetry, new AbortController().signal));
  const keys = new KeyStore(ports.catalog, { now: Date.now, onError: (reason) => errors.push(reason) });
  const registered = () =>
    until("the stage is registered", async () => (await ports.catalog.count("stages")) > 0 || undefined);
  const issue = (tenant: string, role: Role, expiresAtMs = 0) =>
    keys.create({ name: `${role} of ${tenant}`, role, tenant, stages: [], expiresAtMs });

  if (options.worker !== "apart") {
    const stop = new AbortController();
    const worker = serveStages([stage], {
      orchestrator: orchestrator.workerAddress,
      stageKey: (await issue("*", "stage")).secret,
      worker: "worker",
      scratch: join(folder, "scratch"),
      graceMs: 0,
      signal: stop.signal,
      telemetry,
    });
    const ended = worker.catch((reason: unknown) => errors.push(reason));
    stack.defer(async () => {
      stop.abort();
      await ended;
    });
    await registered();
  }
  orchestrator.openIntake();

  /** Indexes a file for a tenant. */
  const index = async (tenant: string, name: string, content: string) => {
    const path = join(folder, "films", tenant, name);
    await mkdir(join(folder, "films", tenant), { recursive: true });
    await writeFile(path, content);
    const uri = pathToFileURL(path).href;
    const payload = { tenant, request: { source_uri: uri } };
    const { job } = (await ports.bus.request("api.JobService.CreateJob", payload, { timeoutMs: PATIENCE_MS })) as {
      job: string;
    };
    const settled = await until("the job settles", async () => {
      const { body } = (await ports.catalog.get<Job>("jobs", job)) ?? assert.fail("there is no such job");
      return body.settled ? body : undefined;
    });
    assert.equal(settled.state, "SUCCEEDED", settled.reason);
    return { uri, path, job, asset: settled.asset };
  };
  /** Keeps bytes for a tenant. */
  const keep = async (tenant: string, text: string) => {
    const bytes = Buffer.from(text);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    await ports.blobs.put(
      { tenant, sha256, size: bytes.length },
      (async function* () {
        yield bytes;
      })(),
    );
    return { sha256, size: bytes.length };
  };
  return { folder, ports, orchestrator, gateway, keys, issue, registered, index, keep, errors };
}

const stage = defineStage({
  name: "made.up",
  version: "1.0.0",
  behaviour: 1,
  description: "Counts.",
  inputs: { source: source() },
  outputs: { out: json("made.out", z.number()) },
  run: async () => ({ out: 1 }),
});
