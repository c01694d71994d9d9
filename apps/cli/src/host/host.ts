import { rm } from "node:fs/promises";
import { flushCompileCache } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import { authConfig, type Caller, EVERY_TENANT, LOCAL_CALLER, limitsConfig, newSecret } from "@heimdex/access";
import { FolderBlobs } from "@heimdex/adapters-folder";
import { LanceMomentIndex } from "@heimdex/adapters-lancedb";
import { MemoryBus } from "@heimdex/adapters-memory";
import { SqliteCatalog } from "@heimdex/adapters-sqlite";
import { loadConfig, Secret } from "@heimdex/config";
import { gatewayConfig, startGateway } from "@heimdex/gateway";
import type { SessionRecord } from "@heimdex/kernel";
import { prepareCatalog } from "@heimdex/migrations";
import { STAGE_MODELS_VARIABLE } from "@heimdex/models";
import { DEFAULT_ORCHESTRATOR_CONFIG, startOrchestrator } from "@heimdex/orchestrator";
import type { Catalog } from "@heimdex/ports";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import { sourcesConfig } from "@heimdex/sources";
import type { Telemetry } from "@heimdex/telemetry";
import { z } from "zod";
import { type DataFolder, openDataFolder, signingKey, writeWhole } from "./data-folder.ts";
import { type HostAddress, hostFile } from "./host-address.ts";
import { readSettings, type StageModels, stageModelsVariable } from "./settings.ts";
import { STAGE_SERVICES, type StageService } from "./stage-services.ts";
import { Supervisor } from "./supervisor.ts";
import { watchStageModels } from "./watch-settings.ts";

export interface HostOptions {
  /** Port of the HTTP API; 0 takes a free one. */
  readonly httpPort: number;
  /** Port of the gRPC API; 0 takes a free one. */
  readonly grpcPort: number;
  /** Port that workers dial; 0 takes a free one. */
  readonly workerPort: number;
  /** Port of the workers' data; 0 takes a free one. */
  readonly dataPort: number;
  /** Stage services to run. Default: all first-party ones. */
  readonly services?: readonly StageService[];
  /** Attempts that stage services run side by side, at most; 0: their own default. */
  readonly jobs: number;
}

export interface Host extends AsyncDisposable {
  readonly address: HostAddress;
  readonly folder: DataFolder;
  /** Resolves when every stage of the services it runs has registered or its service has failed repeatedly, and after 60 s at the latest; plans are made from then on, unless it runs only some services. Also waits for an index that has to be filled anew. */
  readonly ready: Promise<void>;
}

/** What of a host's configuration comes from the environment. */
const environment = z.object({ auth: authConfig, limits: limitsConfig, sources: sourcesConfig });

/** Registered stages are looked for this often while a host starts. */
const READY_POLL_MS = 25;
/** A service that ended so often without coming up is not waited for. */
const HOPELESS_FAILURES = 3;
/** Plans are made without a service that runs but has not registered by then, ms: its probe may take minutes, and a plan can be made anew. */
const REGISTERED_WITHIN_MS = 60_000;

/** Runs the whole platform over one data directory: gateway, orchestrator and indexer in this process, stage services as its children. The caller holds the host lock. */
export async function startHost(root: string, options: HostOptions, telemetry: Telemetry): Promise<Host> {
  await using cleanup = new AsyncDisposableStack();
  const stopping = new AbortController();
  const folder = await openDataFolder(root);
  // What a killed host left behind must not be taken for this one's.
  await rm(hostFile(folder), { force: true });
  const settings = await readSettings(folder.root);
  const { stage_models: stageModels } = settings;
  const services = options.services ?? STAGE_SERVICES;
  const signing = await signingKey(folder);
  const { auth, limits, sources } = loadConfig(environment, process.env);
  const key = auth.required ? newSecret() : "";
  const stageKey = auth.required ? newSecret() : "";
  const ofStages: Caller = { key: "host-stages", role: "stage", tenant: EVERY_TENANT, stages: [] };
  const catalog = cleanup.use(await SqliteCatalog.open(folder.catalog));
  await prepareCatalog(catalog, stopping.signal);
  const bus = cleanup.use(
    new MemoryBus({
      onError: (error, subject) => telemetry.log.error({ err: error, subject }, "a message could not be handled"),
    }),
  );
  const blobs = cleanup.use(await FolderBlobs.open(folder.blobs));
  const index = cleanup.use(await LanceMomentIndex.open(folder.index, { analyze, analyzerId: ANALYZER_ID }));
  const ports = { catalog, bus, blobs, index };
  const orchestrator = cleanup.use(
    await startOrchestrator(
      ports,
      {
        ...DEFAULT_ORCHESTRATOR_CONFIG,
        workerAddress: `127.0.0.1:${options.workerPort}`,
        dataAddress: `127.0.0.1:${options.dataPort}`,
        runFolder: folder.run,
        signingKey: signing,
        soleHost: true,
        sources,
        auth,
        ownKeys: [{ secret: new Secret(stageKey), caller: ofStages }],
        maxAttempts: options.jobs,
        plan: { stages: settings.stage_config, producers: settings.producers },
      },
      telemetry,
    ),
  );
  const gateway = cleanup.use(
    await startGateway(
      ports,
      {
        ...gatewayConfig.parse({
          http: { port: options.httpPort },
          grpc: { port: options.grpcPort },
          data: folder.root,
          catalogFiles: [folder.catalog, `${folder.catalog}-wal`],
          auth: { required: auth.required, adminKey: auth.adminKey?.map((own) => own.reveal()).join(" ") },
          limits,
          signingKey: Buffer.from(signing).toString("base64"),
          drainMs: 2_000,
        }),
        sources,
      },
      telemetry,
      stopping.signal,
      [{ secret: new Secret(key), caller: LOCAL_CALLER }],
    ),
  );
  // Stage services have no use for the keys of those who run or use the platform.
  const {
    HEIMDEX_ADMIN_KEY: _adminKey,
    HEIMDEX_ADMIN_KEY_FILE: _adminKeyFile,
    HEIMDEX_KEY: _key,
    HEIMDEX_KEY_FILE: _keyFile,
    HEIMDEX_STAGE_KEY_FILE: _stageKeyFile,
    HEIMDEX_SOURCES_S3: _buckets,
    HEIMDEX_SOURCES_S3_FILE: _bucketsFile,
    ...inherited
  } = process.env;
  const env = (models: StageModels) => ({
    ...inherited,
    HEIMDEX_ORCHESTRATOR: orchestrator.workerAddress,
    HEIMDEX_SCRATCH: folder.scratch,
    HEIMDEX_STAGE_KEY: stageKey,
    [STAGE_MODELS_VARIABLE]: stageModelsVariable(models, process.env),
  });
  const supervisor = cleanup.use(
    new Supervisor({
      env: env(stageModels),
      logFolder: folder.logs,
      log: telemetry.log,
    }),
  );
  // The first time ever: what this process compiled is read by those it starts, instead of being compiled again by each.
  flushCompileCache();
  for (const service of services) supervisor.start(service);
  cleanup.use(
    watchStageModels(folder.root, stageModels, telemetry.log, (models, changed) => {
      supervisor.setEnv(env(models));
      for (const { name, stages } of services) if (stages.some((stage) => changed.has(stage))) supervisor.restart(name);
    }),
  );
  const address: HostAddress = {
    pid: process.pid,
    services: services.map(({ name }) => name),
    http: gateway.httpAddress,
    grpc: gateway.grpcAddress,
    worker: orchestrator.workerAddress,
    key,
  };
  await writeWhole(hostFile(folder), `${JSON.stringify(address)}\n`);
  cleanup.defer(() => rm(hostFile(folder), { force: true }));
  const staged = waitForStages(catalog, services, supervisor, stopping.signal).then(() => {
    // Whoever runs only some services (to search, to list) leaves planning to whoever runs all.
    if (STAGE_SERVICES.every((service) => services.includes(service))) orchestrator.openIntake();
  });
  const ready = Promise.all([staged, orchestrator.indexed]).then(() => {});
  ready.catch((reason: unknown) => {
    if (!stopping.signal.aborted) telemetry.log.error({ err: reason }, "waiting for the stages failed");
  });
  const held = cleanup.move();
  return {
    address,
    folder,
    ready,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await held.disposeAsync();
    },
  };
}

async function waitForStages(
  catalog: Catalog,
  services: readonly StageService[],
  supervisor: Supervisor,
  signal: AbortSignal,
): Promise<void> {
  const untilMs = performance.now() + REGISTERED_WITHIN_MS;
  for (;;) {
    const sessions = await catalog.find<SessionRecord>({ collection: "sessions", limit: 1000 });
    const known = new Set(sessions.flatMap((session) => session.body.stages.map((offer) => offer.stage)));
    const missing = services.filter(
      (service) =>
        supervisor.failures(service.name) < HOPELESS_FAILURES && !service.stages.every((stage) => known.has(stage)),
    );
    if (missing.length === 0 || performance.now() > untilMs) return;
    await delay(READY_POLL_MS, undefined, { signal }); // registrations are written by the service's own calls; there is no event to wait for
  }
}
