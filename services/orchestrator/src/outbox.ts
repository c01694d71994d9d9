import { HeimdexError } from "@heimdex/errors";
import type { AssetRecord, Job } from "@heimdex/kernel";
import { type ArchiveEvent, type Catalog, type EventLog, readAll } from "@heimdex/ports";
import type { Log } from "@heimdex/telemetry";
import { assetDeletedEvent, assetIndexedEvent, jobEndedEvent } from "./archive-events.ts";
import { changeAsset } from "./asset-document.ts";
import { TO_TELL } from "./job-document.ts";
import type { JobStore } from "./job-store.ts";

export interface OutboxParts {
  /** Absent: nobody is told of anything. */
  readonly events: EventLog | undefined;
  readonly catalog: Catalog;
  readonly store: Pick<JobStore, "apply">;
  readonly log: Log;
}

/** So many at most are told at once; what comes beside them is left to the sweep. */
const MOST_AT_ONCE = 64;
/** After a failure nothing is tried for so long, so that a log which does not answer holds up nobody. */
const PAUSE_MS = 5_000;

/** Tells the event log what happened. That something is to be told is written with the change itself, and taken back once the log has the event: so it is told at least
 * once, in most cases once, and after the API knows of it. What a crash or an outage left is found by the sweep. */
export class Outbox {
  readonly #parts: OutboxParts;
  readonly #telling = new Set<Promise<void>>();
  #againMs = 0;

  constructor(parts: OutboxParts) {
    this.#parts = parts;
  }

  /** Whether changes are to be marked as `toTellMs`. */
  get isOpen(): boolean {
    return this.#parts.events !== undefined;
  }

  /** Tells in the background that a job has ended, when it is marked so. */
  jobEnded(job: Job): void {
    if (job.toTellMs !== undefined) this.#start(() => this.#tellJob(job));
  }

  /** Tells in the background that an asset has been indexed, when it is marked so. */
  assetIndexed(asset: AssetRecord): void {
    if (asset.toTellMs !== undefined) this.#start(() => this.#tellAsset(asset));
  }

  /** Tells that an asset goes, before its document does: whoever deletes it does so again when this rejects. */
  async assetDeleted(asset: AssetRecord): Promise<void> {
    await this.#parts.events?.append(assetDeletedEvent(asset, Date.now()));
  }

  /** Makes the log where it is not, and tells what is marked still: for the one replica that does the upkeep. */
  async sweep(): Promise<void> {
    const { events, catalog } = this.#parts;
    if (events === undefined || !(await this.#tried(events.prepare()))) return;
    for await (const { body } of readAll<Job>(catalog, { collection: "jobs", term: TO_TELL }))
      if (!(await this.#tried(this.#tellJob(body)))) return;
    for await (const { body } of readAll<AssetRecord>(catalog, { collection: "assets", term: TO_TELL }))
      if (!(await this.#tried(this.#tellAsset(body)))) return;
  }

  async drained(): Promise<void> {
    await Promise.all(this.#telling);
  }

  #start(tell: () => Promise<void>): void {
    if (this.#telling.size >= MOST_AT_ONCE || performance.now() < this.#againMs) return;
    const run = this.#tried(tell()).then(() => void this.#telling.delete(run));
    this.#telling.add(run);
  }

  /** Never rejects. False when the log is away: another try would be in vain. */
  async #tried(telling: Promise<void>): Promise<boolean> {
    try {
      await telling;
      return true;
    } catch (reason) {
      const isAway = HeimdexError.from(reason).id === "BUS_UNAVAILABLE";
      if (!isAway || performance.now() >= this.#againMs)
        this.#parts.log.warn({ err: reason }, "the event log could not be told what happened; it is told later");
      if (isAway) this.#againMs = performance.now() + PAUSE_MS;
      return !isAway;
    }
  }

  async #tellJob(job: Job): Promise<void> {
    if (job.toTellMs === undefined) return;
    await this.#append(jobEndedEvent(job, job.toTellMs));
    await this.#parts.store.apply(job.id, { kind: "told", atMs: Date.now() });
  }

  async #tellAsset(asset: AssetRecord): Promise<void> {
    const { toTellMs } = asset;
    if (toTellMs === undefined) return;
    await this.#append(assetIndexedEvent(asset, toTellMs));
    // Unless it was indexed again meanwhile.
    await changeAsset(this.#parts.catalog, asset.id, ({ toTellMs: marked, ...now }) =>
      marked === toTellMs ? now : undefined,
    );
  }

  async #append(event: ArchiveEvent): Promise<void> {
    await this.#parts.events?.append(event);
    this.#againMs = 0;
  }
}
