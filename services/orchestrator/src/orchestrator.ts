import { randomBytes } from "node:crypto";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Gate, KeyStore, TokenBuckets } from "@heimdex/access";
import { HeimdexError } from "@heimdex/errors";
import { ServiceHealth } from "@heimdex/health";
import type { Effect, Job } from "@heimdex/kernel";
import type { Reach } from "@heimdex/ports";
import { Sources } from "@heimdex/sources";
import type { Telemetry } from "@heimdex/telemetry";
import { AssetRemoval } from "./asset-removal.ts";
import { newHolder } from "./catalog-lease.ts";
import { answerCommands } from "./commands.ts";
import type { OrchestratorConfig } from "./config.ts";
import { type DataServer, startDataServer } from "./data-server.ts";
import { Dispatcher } from "./dispatcher.ts";
import { Estimates } from "./estimates.ts";
import { offerFigures } from "./figures.ts";
import { readAddress, WORKER_SERVICES } from "./grpc-server.ts";
import { releaseLease } from "./held-step.ts";
import { IndexWriter } from "./index-writer.ts";
import { Indexer } from "./indexer.ts";
import { Intake } from "./intake.ts";
import { InteractiveLane } from "./interactive-lane.ts";
import { InteractiveResponders } from "./interactive-responders.ts";
import { JobStore } from "./job-store.ts";
import { JobTrace } from "./job-trace.ts";
import { LeaseTable } from "./lease-table.ts";
import { dropOldUploads } from "./old-uploads.ts";
import { Outbox } from "./outbox.ts";
import { Peers } from "./peers.ts";
import { Plans } from "./plans.ts";
import type { OrchestratorPorts } from "./ports.ts";
import { ReadyReader } from "./ready-reader.ts";
import { repeat } from "./repeat.ts";
import { Scheduler } from "./scheduler.ts";
import { Sessions } from "./sessions.ts";
import { Settlement } from "./settlement.ts";
import { Spaces } from "./spaces.ts";
import { StagePurge } from "./stage-purge.ts";
import { StageRegistry } from "./stage-registry.ts";
import { StaleUploads } from "./stale-uploads.ts";
import { Sweeps } from "./sweeps.ts";
import { Turns } from "./turns.ts";
import { Upkeep } from "./upkeep.ts";
import { openWorkerPorts } from "./worker-ports.ts";

export interface Orchestrator extends AsyncDisposable {
  /** Where workers dial in: `127.0.0.1:8482`. */
  readonly workerAddress: string;
  /** Where workers outside dial in; "" where there is no port for them. */
  readonly outerWorkerAddress: string;
  /** Queued jobs are planned from now on: the stages that are to be part of plans have registered. */
  openIntake(): void;
  /** Resolves once what was found waiting for the index at the start has been tried: searches lack nothing then. */
  readonly indexed: Promise<void>;
}

/** A session is forgotten after so many lives of a lease without a word. */
const SILENT_TTLS = 4;
/** How long a repeated request id brings the same job. */
const REQUEST_LIFE_MS = 24 * 3_600_000;
/** How often within its time to live the lease for the upkeep is renewed. */
const TENDS_A_TTL = 5;
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
  const health = cleanup.use(new ServiceHealth(WORKER_SERVICES, ports.servers));

  const mountProbe = join(config.runFolder, `${PROBE_PREFIX}${randomBytes(8).toString("hex")}`);
  await mkdir(config.runFolder, { recursive: true });
  if (config.soleHost) await removeProbes(config.runFolder);
  await writeFile(mountProbe, randomBytes(32).toString("base64url"), { mode: 0o600 });
  cleanup.defer(() => rm(mountProbe, { force: true }));

  const sources = cleanup.use(new Sources({ config: config.sources, blobs, roots: config.sourceRoots }));
  const trace = new JobTrace(catalog, telemetry);
  if (telemetry.metrics !== undefined) offerFigures(telemetry.metrics, { catalog, isMine: () => upkeep.isMine });
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
  const self = newHolder();
  const peers = new Peers(bus, self, config.soleHost, log);
  let isStarted = false;
  const upkeep = new Upkeep({
    catalog,
    bus,
    self,
    isAlone: config.soleHost,
    ttlMs: config.upkeepTtlMs,
    onTaken: () => {
      log.info({ replica: self }, "this replica does the upkeep");
      if (isStarted) void takeUp();
    },
    onLost: () => {
      log.warn({ replica: self }, "the upkeep went to another replica: this one was not heard of in time");
      intake.clear();
      indexer.clear();
    },
  });
  const isMine = () => upkeep.isMine;
  const scheduler = new Scheduler(
    () => (config.maxAttempts === 0 ? Number.POSITIVE_INFINITY : config.maxAttempts - leases.size),
    (session) => leases.hasSuspect(session),
    (stage) => ready.look(stage),
  );
  const ready = new ReadyReader({
    catalog,
    offer: (job, step) => scheduler.awaits(dispatcher.offer(job, step)),
    onWhole: (stage) => {
      if (config.soleHost) scheduler.whole(stage);
    },
    log,
  });
  const keys = new KeyStore(catalog, {
    now: Date.now,
    onError: (reason) => log.warn({ err: reason }, "the last use of a key could not be written"),
  });
  const gate = Gate.of(config.auth, keys, config.ownKeys);
  const sessions = new Sessions(catalog, gate, (id, isClosed) => peers.sessionChanged(id, isClosed));
  const registry = new StageRegistry(catalog, config.plan);
  const interactive = new InteractiveLane(self, (stage) => responders.changed(stage));
  const responders = new InteractiveResponders(bus, interactive, self, log);
  let data: DataServer | undefined;
  const dataUrl = (reach: Reach) =>
    (reach === "outside" ? config.outerDataUrl : "") || config.dataUrl || (data?.url ?? "");

  const onEffects = (job: Job, effects: readonly Effect[], version: number) => {
    // Before the hints: who follows one must not go by what it knew of the job.
    peers.jobChanged({
      job: job.id,
      version,
      settled: job.settled,
      leases: job.steps.flatMap(({ lease }) => lease?.id ?? []),
    });
    for (const effect of effects) {
      if (effect.kind === "settle") settlement.add(job);
      if (effect.kind !== "offer") continue;
      const step = job.steps.find((candidate) => candidate.stage === effect.stage);
      if (step?.state !== "READY") continue;
      const offered = dispatcher.offer(job, step);
      if (!scheduler.awaits(offered)) peers.stepReady(offered);
    }
    if (!job.settled) return;
    outbox.jobEnded(job);
    for (const lease of leases.ofJob(job.id)) leases.remove(lease.fence.lease);
    intake.settled(job.id);
  };
  const store = new JobStore(
    catalog,
    blobs,
    { retry: config.retry, salt: config.salt },
    onEffects,
    (job, step) => dispatcher.claim(job, step),
    !config.soleHost,
  );
  const outbox = new Outbox({ events: ports.events, catalog, store, log });
  const dispatcher = new Dispatcher({ catalog, store, scheduler, leases, blobs, sources, trace, config, dataUrl });
  const plans = new Plans({ catalog, registry, plan: config.plan, salt: config.salt });
  const intake = new Intake({
    sources,
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
    isMine,
    onElsewhere: (job) => peers.jobQueued(job),
  });
  const { plan, leaveAfterMs } = config;
  const writer = new IndexWriter({ catalog, index, log, isMine, isAlone: config.soleHost });
  const spaces = new Spaces({ catalog, index: writer, registry, plan, leaveAfterMs, log });
  const indexer = new Indexer({
    catalog,
    blobs,
    index: writer,
    registry,
    spaces,
    trace,
    outbox,
    log,
    isMine,
    onElsewhere: (asset) => peers.sidecarWritten(asset),
    onIndexed: (asset) => peers.jobSearchable(asset.latestJob),
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
    outbox,
    log,
    onSidecar: (asset) => indexer.add(asset),
  });
  const purge = new StagePurge({ catalog, blobs, store, registry, plans, settlement, indexer, log, isMine });
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
    refillIntake: () => intake.refill(),
    onJoined: (job, other) => intake.wait(job, other),
    onUnsettled: (job) => settlement.add(job),
    onIndexing: (asset) => indexer.add(asset),
  });

  const transfers = cleanup.use(
    await startDataServer(readAddress(config.dataAddress), {
      gate,
      metrics: telemetry.metrics,
      tls: config.tls,
      store,
      blobs,
      sources,
      signingKeys: [config.signingKey, ...config.otherSigningKeys],
      drainMs: config.drainMs,
      log,
    }),
  );
  data = transfers;
  if (config.soleHost) await sweeps.releaseAll();
  for (const { manifest, misconfigured } of await registry.refit())
    log.error({ stage: manifest.name }, `its settings do not fit, and plans skip it: ${misconfigured}`);
  await sweeps.watchDisk();
  const heal = async () => {
    await sweeps.heal();
    await outbox.sweep();
  };
  const healAll = async () => {
    await writer.followFormat();
    await heal();
  };
  await upkeep.tend();
  isStarted = true;
  if (isMine()) await healAll();
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

  const takeUp = guard("taking up what a replica does for all", async () => {
    await healAll();
    await followStages();
  });
  const mine = (work: () => Promise<unknown>) => async () => (isMine() ? work() : undefined);

  const staleUploads = new StaleUploads(blobs);
  const stageRegistry = {
    registry,
    sessions,
    silentAfterMs: config.leaseTtlMs,
    onRegistered: (stage: string) => {
      log.info({ stage }, "stage registered");
      void followStages();
    },
  };
  const work = {
    store,
    sessions,
    gate,
    openings: new TokenBuckets(config.sessionRate, () => performance.now()),
    registry,
    dispatcher,
    interactive,
    responders,
    leases,
    blobs,
    sources,
    trace,
    config,
    staleUploads,
    mountProbe,
    dataUrl,
    stopping: stopping.signal,
  };
  const workers = cleanup.use(await openWorkerPorts(stageRegistry, work, health, telemetry));

  const commanding = {
    sources,
    catalog,
    store,
    intake,
    indexer,
    estimates,
    plans,
    registry,
    removal: new AssetRemoval({ catalog, blobs, index: writer, outbox }),
    purge,
    trace,
    turns: new Turns(catalog),
    upkeep,
    salt: config.salt,
  };
  const tendUpkeep = guard("keeping the upkeep", () => upkeep.tend());
  const healing = cleanup.use(
    repeat(
      config.healEveryMs,
      guard("the healing sweep", async () => {
        for (const stage of scheduler.parked()) ready.look(stage);
        if (isMine()) await heal();
      }),
    ),
  );
  const commands = cleanup.use(await answerCommands(bus, commanding, config.drainMs));
  const heard = await peers.listen({
    onJob: ({ job, version, settled, leases: held }) => {
      if (!store.changed(job, version)) return;
      for (const { fence } of leases.ofJob(job)) if (!held.includes(fence.lease)) leases.remove(fence.lease);
      if (settled) intake.settled(job);
    },
    onSession: (session, isClosed) => {
      sessions.changed(session, isClosed);
      if (!isClosed) return;
      void guard("giving back what a closed session held", async () => {
        for (const lease of leases.ofSession(session)) await releaseLease(store, leases, lease);
      })();
    },
    onReady: (step) => {
      if (scheduler.awaits(step)) scheduler.offer(step);
    },
    onQueued: (job) => {
      if (isMine()) intake.add(job);
    },
    onSidecar: (asset) => {
      if (isMine()) indexer.add(asset);
    },
    onVacant: () => void tendUpkeep(),
    onMissed: () => healing.soon(),
  });
  cleanup.use(responders);
  cleanup.use(await responders.listen());
  for (const subscription of heard) cleanup.use(subscription);
  if (!config.soleHost) cleanup.use(repeat(config.upkeepTtlMs / TENDS_A_TTL, tendUpkeep));

  cleanup.use(
    repeat(
      config.sweepEveryMs,
      guard("the sweep of leases", () => sweeps.expire(Date.now())),
    ),
  );
  cleanup.use(
    bus.onReconnect(() => {
      healing.soon();
      peers.mayHaveMissed();
    }),
  );
  cleanup.use(repeat(config.healEveryMs, followStages));
  cleanup.use(
    repeat(
      config.healEveryMs,
      guard(
        "removing what disabled stages made",
        mine(() => purge.tend()),
      ),
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
        await staleUploads.tend(Date.now());
        if (!isMine()) return;
        await sessions.forgetSilent(Date.now() - SILENT_TTLS * config.leaseTtlMs);
        await sweeps.forgetRequests(Date.now() - REQUEST_LIFE_MS);
        const dropped = await dropOldUploads(catalog, blobs, Date.now());
        if (dropped > 0) log.info({ uploads: dropped }, "uploads that nobody made a job of were removed");
      }),
    ),
  );
  cleanup.use(
    repeat(
      30_000,
      guard(
        "upkeep of the index",
        mine(() => writer.optimize()),
      ),
    ),
  );

  // Behind all that only its holder may do.
  const leave = guard("leaving the upkeep to another replica", async () => {
    await upkeep[Symbol.asyncDispose]();
    peers.upkeepVacant();
  });
  const held = cleanup.move();
  return {
    workerAddress: workers.inside,
    outerWorkerAddress: workers.outside,
    openIntake: () => intake.open(),
    indexed,
    async [Symbol.asyncDispose]() {
      if (held.disposed) return;
      health.stop();
      stopping.abort(new HeimdexError("CANCELLED", "the orchestrator stops"));
      scheduler.close();
      const purged = purge.close();
      // A film that a worker reads may take its time: nothing else waits for that.
      const transferred = transfers[Symbol.asyncDispose]();
      await Promise.all([workers[Symbol.asyncDispose](), commands[Symbol.asyncDispose]()]);
      await held.disposeAsync();
      await ready.drained();
      await intake.drained();
      await purged;
      await settlement.drained();
      await indexer.close();
      await outbox.drained();
      await leave();
      await Promise.all(drops);
      await trace.flush();
      await estimates.flush();
      await transferred;
    },
  };
}

/** Removes the probes of hosts that were killed. */
async function removeProbes(folder: string): Promise<void> {
  const left = (await readdir(folder)).filter((name) => name.startsWith(PROBE_PREFIX));
  await Promise.all(left.map((name) => rm(join(folder, name), { force: true })));
}
