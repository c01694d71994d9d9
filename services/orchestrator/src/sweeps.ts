import type { AssetRecord, Job, SessionRecord } from "@heimdex/kernel";
import type { Blobs, Catalog } from "@heimdex/ports";
import { type Log, newSpanId } from "@heimdex/telemetry";
import type { OrchestratorConfig } from "./config.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { JobStore } from "./job-store.ts";
import type { JobTrace } from "./job-trace.ts";
import type { LeaseTable, WatchedLease } from "./lease-table.ts";
import type { Scheduler } from "./scheduler.ts";
import type { Sessions } from "./sessions.ts";

export interface SweepParts {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  readonly store: JobStore;
  readonly sessions: Sessions;
  readonly leases: LeaseTable;
  readonly dispatcher: Dispatcher;
  readonly scheduler: Scheduler;
  readonly trace: JobTrace;
  readonly config: OrchestratorConfig;
  readonly log: Log;
  readonly onQueued: (job: string) => void;
  readonly onUnsettled: (job: Job) => void;
  readonly onIndexing: (asset: string) => void;
}

const PAGE = 200;

/** What heals: leases that are over, work whose hint was lost or whose process died, a disk that fills up. Any replica may run it. */
export class Sweeps {
  readonly #parts: SweepParts;
  #pausedReason = "";

  constructor(parts: SweepParts) {
    this.#parts = parts;
  }

  /** Ends leases whose clock has run out. */
  async expire(nowMs: number): Promise<void> {
    const { leases } = this.#parts;
    for (const { lease, why } of leases.over(nowMs)) {
      if (why === "EXPIRED" && (await this.#renewedElsewhere(lease, nowMs))) continue;
      leases.remove(lease.fence.lease);
      await this.#end(lease, why, nowMs);
    }
  }

  async #end(lease: WatchedLease, why: "EXPIRED" | "STALLED" | "TIMED_OUT", nowMs: number): Promise<void> {
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

  /** Another replica may have taken the renewals of this session. */
  async #renewedElsewhere(lease: WatchedLease, nowMs: number): Promise<boolean> {
    const session = await this.#parts.catalog.get<SessionRecord>("sessions", lease.session);
    const untilMs = session?.body.renewals[lease.fence.lease]?.untilMs ?? 0;
    if (untilMs <= nowMs) return false;
    lease.expiresAtMs = untilMs;
    return true;
  }

  /** Finds everything that waits for something, whoever forgot it. */
  async heal(): Promise<void> {
    const { catalog, store, dispatcher, leases, onQueued, onUnsettled, onIndexing } = this.#parts;
    await this.#each<Job>("jobs", "queued", (job) => onQueued(job.id));
    await this.#each<Job>("jobs", "ready", (job) => {
      for (const step of job.steps) if (step.state === "READY") dispatcher.offer(job, step);
    });
    await this.#each<Job>("jobs", "leased", (job) => {
      for (const step of job.steps)
        if (step.state === "LEASED" && leases.get(step.lease?.id ?? "") === undefined) dispatcher.watch(job, step);
    });
    await this.#each<Job>("jobs", "looking-up", (job) => store.resumeLookUps(job.id));
    await this.#each<Job>("jobs", "unsettled", (job) => onUnsettled(job));
    await this.#each<AssetRecord>("assets", "indexing", (asset) => onIndexing(asset.id));
    for (const document of await catalog.find<Job>({ collection: "jobs", term: "active", limit: 1000 })) {
      if (document.body.joined !== "" && document.body.state === "QUEUED") await this.#unjoin(document.body);
    }
  }

  /** A job that joined another is planned anew once that one has ended: all is cached then. */
  async #unjoin(job: Job): Promise<void> {
    const other = await this.#parts.store.read(job.joined);
    if (other === undefined || other.body.settled) this.#parts.onQueued(job.id);
  }

  /** Gives back every lease in the catalog: the workers of the run before are gone with their host. */
  async releaseAll(): Promise<void> {
    const { store, catalog } = this.#parts;
    await this.#each<Job>("jobs", "leased", async (job) => {
      for (const step of job.steps) {
        if (step.state !== "LEASED" || step.lease === undefined) continue;
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
    for (const session of await catalog.find({ collection: "sessions", limit: 1000 }))
      await catalog.write([{ op: "delete", collection: "sessions", id: session.id }]);
  }

  /** Stops leasing while the disk is nearly full, and says so. */
  async watchDisk(): Promise<void> {
    const { blobs, scheduler, catalog, config, log } = this.#parts;
    const free = await blobs.freeBytes();
    const reason =
      free !== undefined && free < config.minFreeBytes
        ? `DISK_FULL: ${Math.round(free / 2 ** 20)} MiB free where data lie, leasing stops below ${Math.round(config.minFreeBytes / 2 ** 20)} MiB`
        : "";
    scheduler.pause(reason !== "");
    if (reason === this.#pausedReason) return;
    this.#pausedReason = reason;
    if (reason === "") log.info({}, "there is room on the disk again: work goes on");
    else log.warn({}, reason);
    await catalog.write([
      reason === ""
        ? { op: "delete", collection: "meta", id: "pause" }
        : { op: "put", collection: "meta", id: "pause", terms: [], sort: "", body: { reason } },
    ]);
  }

  async #each<B>(collection: "jobs" | "assets", term: string, visit: (body: B) => void | Promise<void>): Promise<void> {
    let after: { id: string } | undefined;
    for (;;) {
      const page = await this.#parts.catalog.find<B>({
        collection,
        term,
        limit: PAGE,
        ...(after === undefined ? {} : { after }),
      });
      for (const document of page) await visit(document.body);
      const last = page.at(-1);
      if (page.length < PAGE || last === undefined) return;
      after = { id: last.id };
    }
  }
}
