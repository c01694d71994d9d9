import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Gate, KeyStore } from "@heimdex/access";
import { StageRegistryServiceDefinition } from "@heimdex/contracts/stage/v1/stage_registry_service";
import { WorkServiceDefinition } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import type { Effect, Job } from "@heimdex/kernel";
import type { Subscription } from "@heimdex/ports";
import type { Telemetry } from "@heimdex/telemetry";
import { AssetRemoval } from "./asset-removal.ts";
import { readCommand } from "./command.ts";
import { answerCommands } from "./commands.ts";
import type { OrchestratorConfig } from "./config.ts";
import { type DataServer, startDataServer } from "./data-server.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Estimates } from "./estimates.ts";
import { grpcServer, listen, readAddress, stopServer } from "./grpc-server.ts";
import { followIndexFormat } from "./index-format.ts";
import { Indexer } from "./indexer.ts";
import { Intake } from "./intake.ts";
import { InteractiveLane } from "./interactive-lane.ts";
import { JobStore } from "./job-store.ts";
import { JobTrace } from "./job-trace.ts";
import { LeaseTable } from "./lease-table.ts";
import { Plans } from "./plans.ts";
import type { OrchestratorPorts } from "./ports.ts";
import { repeat } from "./repeat.ts";
import { Scheduler } from "./scheduler.ts";
import { Sessions } from "./sessions.ts";
import { Settlement } from "./settlement.ts";
import { Spaces } from "./spaces.ts";
import { StagePurge } from "./stage-purge.ts";
import { StageRegistry } from "./stage-registry.ts";
import { stageRegistryService } from "./stage-registry-service.ts";
import { StaleUploads } from "./stale-uploads.ts";
import { Sweeps } from "./sweeps.ts";
import { workService } from "./work-service.ts";

export interface Orchestrator extends AsyncDisposable {
  /** Where workers dial in: `127.0.0.1:8482`. */
  readonly workerAddress: string;
  /** Queued jobs are planned from now on: the stages that are to be part of plans have registered. */
  openIntake(): void;
  /** Resolves once what was found waiting for the index at the start has been tried: searches lack nothing then. */
  readonly indexed: Promise<void>;
}

/** A session is forgotten after so many lives of a lease without a word. */
const SILENT_TTLS = 4;
/** How long a repeated request id brings the same job. */
const REQUEST_LIFE_MS = 24 * 3_600_000;
const PROBE_PREFIX = "mount-";

/** Starts an orchestrator on the given ports: registration, planning, leases, commit, sidecars, indexing. Disposing answers parked polls, finishes what is being
 * written and closes both servers; the ports stay open. Throws NOT_LOOPBACK, PORT_IN_USE. */
export async function startOrchestrator(
  ports: OrchestratorPorts,
  config: OrchestratorConfig,
  telemetry: Telemetry,
): Promise<Orchestrator> {
  const { catalog, bus, blobs, index } = ports;
  const { log } = telemetry;
  const stopping = new AbortController();
  await using cleanup = new AsyncDisposableStack();

  const mountProbe = join(config.runFolder, `${PROBE_PREFIX}${randomBytes(8).toString("hex")}`);
  await mkdir(config.runFolder, { recursive: true });
  if (config.soleHost) await removeProbes(config.runFolder);
  await writeFile(mountProbe, randomBytes(32).toString("base64url"), { mode: 0o600 });
  cleanup.defer(() => rm(mountProbe, { force: true }));

  const trace = new JobTrace(catalog, telemetry);
  const estimates = await Estimates.open(catalog);
  const drops = new Set<Promise<void>>();
  const leases = new LeaseTable(({ tenant, fence, uploads, suspect }) => {
    if (config.maxAttempts > 0 || suspect) scheduler.wake();
    if (!uploads) return;
    const drop = blobs
      .dropUploads(tenant, fence.lease)
      .catch((reason: unknown) => log.warn({ err: reason, lease: fence.lease }, "uploads could not be removed"))
      .finally(() => drops.delete(drop));
    drops.add(drop);
  });
  const scheduler = new Scheduler(
    () => (config.maxAttempts === 0 ? Number.POSITIVE_INFINITY : config.maxAttempts - leases.size),
    (session) => leases.hasSuspect(session),
  );
  const keys = new KeyStore(catalog, {
    now: Date.now,
    onError: (reason) => log.warn({ err: reason }, "the last use of a key could not be written"),
  });
  const gate = Gate.of(config.auth, keys, config.ownKeys);
  const sessions = new Sessions(catalog, gate);
  const registry = new StageRegistry(catalog, config.plan);
  const interactive = new InteractiveLane();
  let data: DataServer | undefined;
  const dataUrl = () => config.dataUrl || (data?.url ?? "");

  const onEffects = (job: Job, effects: readonly Effect[], version: number) => {
    for (const effect of effects) {
      if (effect.kind === "settle") settlement.add(job);
      if (effect.kind !== "offer") continue;
      const step = job.steps.find((candidate) => candidate.stage === effect.stage);
      if (step?.state === "READY") dispatcher.offer(job, step);
    }
    bus
      .publish(`events.job.${job.id}`, { version })
      .catch((reason: unknown) => log.warn({ err: reason, job: job.id }, "a job's change could not be announced"));
    if (!job.settled) return;
    for (const lease of leases.ofJob(job.id)) leases.remove(lease.fence.lease);
    intake.settled(job.id);
  };
  const store = new JobStore(catalog, blobs, { retry: config.retry, salt: config.salt }, onEffects, (job, step) =>
    dispatcher.claim(job, step),
  );
  const dispatcher = new Dispatcher({ store, scheduler, leases, blobs, trace, config, dataUrl });
  const plans = new Plans({ catalog, registry, plan: config.plan, salt: config.salt });
  const intake = new Intake({
    catalog,
    blobs,
    store,
    registry,
    trace,
    estimates,
    plans,
    plan: config.plan,
    log,
    stopping: stopping.signal,
  });
  const announce = (job: string) =>
    bus
      .publish(`events.job.${job}`, {})
      .catch((reason: unknown) => log.warn({ err: reason, job }, "a job's change could not be announced"));
  const { plan, leaveAfterMs } = config;
  const spaces = new Spaces({ catalog, index, registry, plan, leaveAfterMs, log });
  const indexer = new Indexer({
    catalog,
    blobs,
    index,
    registry,
    spaces,
    trace,
    log,
    onIndexed: (asset) => void announce(asset.latestJob),
  });
  const settlement = new Settlement({
    catalog,
    blobs,
    store,
    trace,
    estimates,
    registry,
    spaces,
    plans,
    log,
    onSidecar: (asset) => indexer.add(asset),
  });
  const purge = new StagePurge({ catalog, blobs, store, registry, plans, settlement, indexer, log });
  const sweeps = new Sweeps({
    catalog,
    blobs,
    store,
    sessions,
    registry,
    leases,
    dispatcher,
    scheduler,
    trace,
    config,
    log,
    onQueued: (job) => intake.add(job),
    onJoined: (job, other) => intake.wait(job, other),
    onUnsettled: (job) => settlement.add(job),
    onIndexing: (asset) => indexer.add(asset),
  });

  data = cleanup.use(
    await startDataServer(readAddress(config.dataAddress), {
      isShut: gate.isShut,
      tls: config.tls,
      store,
      blobs,
      signingKey: config.signingKey,
      log,
    }),
  );
  if (config.soleHost) await sweeps.releaseAll();
  for (const { manifest, misconfigured } of await registry.refit())
    log.error({ stage: manifest.name }, `its settings do not fit, and plans skip it: ${misconfigured}`);
  await sweeps.watchDisk();
  const marked = await followIndexFormat(catalog, index);
  if (marked > 0) log.info({ assets: marked }, "the index is stored in a new way: filling it from the sidecars");
  await sweeps.heal();
  const indexed = indexer.idle();

  const guard = (what: string, work: () => Promise<unknown>) => async () => {
    try {
      await work();
    } catch (reason) {
      log.error({ err: reason }, `${what} failed; it is tried again`);
    }
  };
  const followStages = guard("following stages that came, changed or went", async () => {
    await plans.refresh();
    await indexer.tend();
  });

  const staleUploads = new StaleUploads(blobs);
  const server = grpcServer(telemetry);
  server.add(
    StageRegistryServiceDefinition,
    stageRegistryService({
      registry,
      sessions,
      silentAfterMs: config.leaseTtlMs,
      onRegistered: (stage) => {
        log.info({ stage }, "stage registered");
        void followStages();
      },
    }),
  );
  server.add(
    WorkServiceDefinition,
    workService({
      store,
      sessions,
      gate,
      registry,
      dispatcher,
      interactive,
      leases,
      blobs,
      trace,
      config,
      staleUploads,
      mountProbe,
      dataUrl,
      stopping: stopping.signal,
    }),
  );
  const address = readAddress(config.workerAddress);
  const port = await listen(server, address, gate.isShut, config.tls);
  cleanup.defer(() => stopServer(server));

  const subscriptions: Subscription[] = await answerCommands(bus, {
    catalog,
    store,
    intake,
    indexer,
    estimates,
    plans,
    registry,
    removal: new AssetRemoval(catalog, blobs, index),
    purge,
    trace,
    salt: config.salt,
  });
  subscriptions.push(await answerInteractive(bus, interactive));
  for (const subscription of subscriptions) cleanup.use(subscription);

  cleanup.use(
    repeat(
      config.sweepEveryMs,
      guard("the sweep of leases", () => sweeps.expire(Date.now())),
    ),
  );
  cleanup.use(
    repeat(
      config.healEveryMs,
      guard("the healing sweep", () => sweeps.heal()),
    ),
  );
  cleanup.use(repeat(config.healEveryMs, followStages));
  cleanup.use(
    repeat(
      config.healEveryMs,
      guard("removing what disabled stages made", () => purge.tend()),
    ),
  );
  cleanup.use(
    repeat(
      config.upkeepEveryMs,
      guard("upkeep", async () => {
        await sweeps.watchDisk();
        await trace.flush();
        await estimates.flush();
      }),
    ),
  );
  cleanup.use(
    repeat(
      config.leaseTtlMs,
      guard("forgetting what is old", async () => {
        await sessions.forgetSilent(Date.now() - SILENT_TTLS * config.leaseTtlMs);
        await sweeps.forgetRequests(Date.now() - REQUEST_LIFE_MS);
        await staleUploads.tend(Date.now());
      }),
    ),
  );
  cleanup.use(
    repeat(
      30_000,
      guard("upkeep of the index", () => index.optimize()),
    ),
  );

  const held = cleanup.move();
  return {
    workerAddress: `${address.host.includes(":") ? `[${address.host}]` : address.host}:${port}`,
    openIntake: () => intake.open(),
    indexed,
    async [Symbol.asyncDispose]() {
      if (held.disposed) return;
      stopping.abort(new HeimdexError("CANCELLED", "the orchestrator stops"));
      scheduler.close();
      const purged = purge.close();
      await held.disposeAsync();
      await intake.drained();
      await purged;
      await settlement.drained();
      await indexer.close();
      await Promise.all(drops);
      await trace.flush();
      await estimates.flush();
    },
  };
}

/** Removes the probes of hosts that were killed. */
async function removeProbes(folder: string): Promise<void> {
  const left = (await readdir(folder)).filter((name) => name.startsWith(PROBE_PREFIX));
  await Promise.all(left.map((name) => rm(join(folder, name), { force: true })));
}

async function answerInteractive(bus: OrchestratorPorts["bus"], lane: InteractiveLane): Promise<Subscription> {
  return bus.respond("interactive.>", (payload, subject, signal) => {
    const { tenant, request } = readCommand(payload);
    return lane
      .request(subject.slice("interactive.".length), tenant, Buffer.from(String(request), "base64"), signal)
      .then((response) => ({ response: Buffer.from(response).toString("base64") }));
  });
}
