import type { AssetRecord, Job, SessionRecord, Step } from "@heimdex/kernel";
import { type Blobs, type Catalog, readAll } from "@heimdex/ports";
import { type Log, newSpanId } from "@heimdex/telemetry";
import { requestSort } from "./commands.ts";
import type { OrchestratorConfig } from "./config.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { JobStore } from "./job-store.ts";
import type { JobTrace } from "./job-trace.ts";
import { type LeaseTable, type Overdue, overdue, type WatchedLease } from "./lease-table.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Sessions } from "./sessions.ts";
import type { StageRegistry } from "./stage-registry.ts";
import { StrandedSteps } from "./stranded-steps.ts";

export interface SweepParts {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  readonly store: JobStore;
  readonly sessions: Sessions;
  readonly registry: StageRegistry;
  readonly leases: LeaseTable;
  readonly dispatcher: Dispatcher;
  readonly scheduler: Scheduler;
  readonly trace: JobTrace;
  readonly config: OrchestratorConfig;
  readonly log: Log;
  /** Has the first queued jobs planned. */
  readonly refillIntake: () => Promise<void>;
  /** The job waits for the end of the other. */
  readonly onJoined: (job: Job, other: string) => Promise<void>;
  readonly onUnsettled: (job: Job) => void;
  readonly onIndexing: (asset: string) => void;
}

const PAGE = 200;
/** Reading all that is ready takes long where much waits: at most this part of the time is spent on it. */
const READY_SHARE = 0.1;
/** A sweep so much too late did not wait for the processor: the machine slept. */
const SLEPT_MS = 10_000;

const mebibytes = (bytes: number) => Math.round(bytes / 2 ** 20);

/** What heals: leases that are over, work whose hint was lost or whose process died, a disk that fills up. Any replica may run it. */
export class Sweeps {
  readonly #parts: SweepParts;
  #isPaused: boolean | undefined;
  #sweptAtMs = 0;
  /** When all that is ready may be read again, by `performance.now()`. */
  #readyAgainMs = 0;
  /** Jobs that were not settled when they were last looked for. */
  #unsettled: ReadonlySet<string> = new Set();

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /** Ends leases whose clock has run out. A sweep that comes far too late says that this machine slept, or this process hung: nobody could be heard then,
   * and the clocks are moved on by that time. */
  async expire(nowMs: number): Promise<void> {
    const { leases, config } = this.#parts;
    const lateMs = nowMs - this.#sweptAtMs - config.sweepEveryMs;
    if (this.#sweptAtMs > 0 && lateMs > SLEPT_MS) leases.moveOn(lateMs);
    this.#sweptAtMs = nowMs;
    for (const { lease } of leases.over(nowMs)) {
      await this.#hear(lease, nowMs);
      const why = overdue(lease, nowMs);
      if (why === undefined || leases.get(lease.fence.lease) === undefined) continue;
      leases.remove(lease.fence.lease);
      await this.#end(lease, why, nowMs);
    }
    this.#sweptAtMs = Math.max(nowMs, Date.now());
  }

  async #end(lease: WatchedLease, why: Overdue, nowMs: number): Promise<void> {
    const { store, trace, log } = this.#parts;
    const before = await store.get(lease.job);
    const step = before?.steps.find((candidate) => candidate.lease?.id === lease.fence.lease);
    const { job, applied } = await store.apply(
      lease.job,
      why === "EXPIRED"
        ? { kind: "lost", atMs: nowMs, stage: lease.stage, fence: lease.fence }
        : {
            kind: "failed",
            atMs: nowMs,
            stage: lease.stage,
            fence: lease.fence,
            failure: {
              kind: "RETRYABLE",
              reason: why,
              message:
                why === "STALLED"
                  ? `no progress for ${lease.stallMs} ms`
                  : `not done ${lease.deadlineMs - (step?.lease?.grantedAtMs ?? 0)} ms after it began`,
              help: "Raise the stage's time-out if the asset needs longer.",
              retryAfterMs: undefined,
              logTail: "",
            },
            wallMs: nowMs - (step?.lease?.grantedAtMs ?? nowMs),
            cpuMs: 0,
            random: Math.random(),
          },
    );
    if (!applied || step?.lease === undefined) return;
    log.warn(
      { job: lease.job, stage: lease.stage, worker: step.worker, lease: lease.fence.lease },
      `an attempt was taken away: ${why}`,
    );
    trace.own(job, {
      name: `attempt ${lease.stage}`,
      spanId: step.lease.spanId,
      parentId: "",
      startMs: step.lease.grantedAtMs,
      durationMs: nowMs - step.lease.grantedAtMs,
      attributes: { stage: lease.stage, attempt: String(lease.fence.epoch), worker: step.worker, outcome: "lost" },
      error: why,
    });
  }

  /** Another replica, or this process before it was started anew, may have taken the renewals of this session. */
  async #hear(lease: WatchedLease, nowMs: number): Promise<void> {
    const session = await this.#parts.catalog.get<SessionRecord>("sessions", lease.session);
    const renewal = session?.body.renewals[lease.fence.lease];
    if (renewal === undefined) return;
    const { untilMs, progressAtMs } = renewal;
    // Its times are by the clock of whoever wrote it: that they are others than before is what counts, from now on.
    if (untilMs !== lease.heard?.untilMs)
      lease.expiresAtMs = Math.max(lease.expiresAtMs, nowMs + this.#parts.config.leaseTtlMs);
    if (progressAtMs !== lease.heard?.progressAtMs) lease.progressAtMs = Math.max(lease.progressAtMs, nowMs);
    lease.heard = { untilMs, progressAtMs };
  }

  /** Watches a lease that this replica did not grant: from now on it has its whole time. */
  async #watch(job: Job, step: Step, id: string): Promise<void> {
    const { dispatcher, leases } = this.#parts;
    dispatcher.watch(job, step, true);
    const lease = leases.get(id);
    if (lease !== undefined) await this.#hear(lease, Date.now());
  }

  /** Finds everything that waits for something, whoever forgot it: for the one replica that does the upkeep. What another replica may just be at is left to it
   * until the next time, unless there is none. */
  async heal(): Promise<void> {
    const { store, leases, config, refillIntake, onJoined, onUnsettled, onIndexing } = this.#parts;
    await refillIntake();
    await this.#replanStranded();
    await this.#each<Job>("jobs", "leased", async (job) => {
      for (const step of job.steps)
        if (step.lease !== undefined && step.state === "LEASED" && leases.get(step.lease.id) === undefined)
          await this.#watch(job, step, step.lease.id);
    });
    await this.#each<Job>("jobs", "looking-up", (job) => store.resumeLookUps(job.id));
    const unsettled = new Set<string>();
    await this.#each<Job>("jobs", "unsettled", (job) => {
      if (config.soleHost || this.#unsettled.has(job.id)) onUnsettled(job);
      unsettled.add(job.id);
    });
    this.#unsettled = unsettled;
    await this.#each<AssetRecord>("assets", "indexing", (asset) => onIndexing(asset.id));
    await this.#each<Job>("jobs", "joined", (job) => onJoined(job, job.joined));
  }

  async #replanStranded(): Promise<void> {
    const beganMs = performance.now();
    if (beganMs < this.#readyAgainMs) return;
    const stranded = await this.#stranded();
    await this.#each<Job>("jobs", "ready", async (job) => {
      for (const step of job.steps) {
        const next = step.state === "READY" ? stranded?.replacement(job, step) : undefined;
        if (next !== undefined) await this.#replan(job, next);
      }
    });
    const endedMs = performance.now();
    this.#readyAgainMs = endedMs + (endedMs - beganMs) * (1 / READY_SHARE - 1);
  }

  /** Undefined while stages do not go together: then nothing can be planned anew. */
  async #stranded(): Promise<StrandedSteps | undefined> {
    const { config, log } = this.#parts;
    try {
      return await StrandedSteps.look({ ...this.#parts, plan: config.plan }, Date.now() - config.leaseTtlMs);
    } catch (reason) {
      log.error({ err: reason }, "no plan can be made: steps of versions that nobody serves wait");
      return undefined;
    }
  }

  async #replan(job: Job, step: Step): Promise<void> {
    const { store, log } = this.#parts;
    const event = { kind: "replanned", atMs: Date.now(), stage: step.stage, step } as const;
    const { applied } = await store.apply(job.id, event);
    if (applied)
      log.info({ job: job.id, stage: step.stage, version: step.version }, "a step nobody could run was planned anew");
  }

  /** Gives back every lease in the catalog: the workers of the run before are gone with their host. */
  async releaseAll(): Promise<void> {
    const { store, blobs, sessions } = this.#parts;
    await this.#each<Job>("jobs", "leased", async (job) => {
      for (const step of job.steps) {
        if (step.state !== "LEASED" || step.lease === undefined) continue;
        await blobs.dropUploads(job.tenant, step.lease.id);
        await store.apply(job.id, {
          kind: "released",
          atMs: Date.now(),
          stage: step.stage,
          fence: { lease: step.lease.id, epoch: step.lease.epoch },
        });
        this.#parts.trace.own(job, {
          name: `attempt ${step.stage}`,
          spanId: step.lease.spanId || newSpanId(),
          parentId: "",
          startMs: step.lease.grantedAtMs,
          durationMs: Date.now() - step.lease.grantedAtMs,
          attributes: { stage: step.stage, attempt: String(step.lease.epoch), worker: step.worker, outcome: "killed" },
          error: "the host ended before the attempt did",
        });
      }
    });
    await sessions.forgetAll();
  }

  /** Forgets request ids that were last heard of before `beforeMs`. */
  async forgetRequests(beforeMs: number): Promise<void> {
    const { catalog } = this.#parts;
    for (;;) {
      const oldest = await catalog.find({ collection: "requests", by: "sort", limit: PAGE });
      const old = oldest.filter(({ sort }) => sort < requestSort(beforeMs));
      if (old.length > 0)
        await catalog.write(old.map(({ id }) => ({ op: "delete", collection: "requests", id }) as const));
      if (old.length < PAGE) return;
    }
  }

  /** Stops leasing while the disk is nearly full, and says so. */
  async watchDisk(): Promise<void> {
    const { blobs, scheduler, catalog, config, log } = this.#parts;
    const free = await blobs.freeBytes();
    const isPaused = free !== undefined && free < config.minFreeBytes;
    scheduler.pause(isPaused);
    if (isPaused === this.#isPaused) return;
    const isFirst = this.#isPaused === undefined;
    this.#isPaused = isPaused;
    const reason = isPaused
      ? `DISK_FULL: ${mebibytes(free)} MiB free where data lie, leasing stops below ${mebibytes(config.minFreeBytes)} MiB`
      : "";
    if (isPaused) log.warn({}, reason);
    else if (!isFirst) log.info({}, "there is room on the disk again: work goes on");
    // At the first look too: the process before this one may have died while it paused.
    await catalog.write([
      reason === ""
        ? { op: "delete", collection: "meta", id: "pause" }
        : { op: "put", collection: "meta", id: "pause", terms: [], sort: "", body: { reason } },
    ]);
  }

  async #each<B>(collection: "jobs" | "assets", term: string, visit: (body: B) => void | Promise<void>): Promise<void> {
    for await (const { body } of readAll<B>(this.#parts.catalog, { collection, term })) await visit(body);
  }
}
