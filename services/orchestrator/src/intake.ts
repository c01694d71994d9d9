import type { AssumedModel } from "@heimdex/contracts/v1/job";
import { HeimdexError } from "@heimdex/errors";
import {
  type ArtifactRef,
  assetId,
  type Job,
  type JobEvent,
  NEIGHBOUR_SCHEMA,
  type PlanConfig,
  planSteps,
  type SourceRecord,
  type Step,
  sourceId,
} from "@heimdex/kernel";
import { type Blobs, type Catalog, readAll } from "@heimdex/ports";
import { areTelling, parseSource, type SourceFacts, type Sources, sameFacts } from "@heimdex/sources";
import { type Log, newSpanId } from "@heimdex/telemetry";
import { keep } from "./artifacts.ts";
import { markMissing } from "./asset-document.ts";
import { assume } from "./assume.ts";
import { Backlog, type Entry } from "./backlog.ts";
import type { Estimates } from "./estimates.ts";
import { sha256Hex } from "./ids.ts";
import { jobSort } from "./job-document.ts";
import type { JobStore } from "./job-store.ts";
import type { JobTrace } from "./job-trace.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import { isPassing } from "./passing.ts";
import type { Plans } from "./plans.ts";
import { Retries } from "./retries.ts";
import type { StageRegistry } from "./stage-registry.ts";

/** A queued job, its place, and what it reads. */
export type QueuedJob = Pick<Job, "id" | "priority" | "turn" | "sourceUri">;

export interface IntakeParts {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  readonly store: JobStore;
  readonly registry: StageRegistry;
  readonly trace: JobTrace;
  readonly estimates: Estimates;
  readonly plans: Plans;
  readonly plan: PlanConfig;
  readonly log: Log;
  readonly sources: Sources;
  readonly stopping: AbortSignal;
  /** Whether jobs are to be taken in here: one replica does it for all. */
  readonly isMine: () => boolean;
  /** A job came that is to be taken in elsewhere. */
  readonly onElsewhere: (job: QueuedJob) => void;
}

/** A source as it was found. */
interface ReadSource {
  readonly facts: SourceFacts;
  readonly digest: string;
  readonly asset: string;
}

/** A fault that may be ours is tried so often before the job fails with it. */
const TRIES = 3;
/** Jobs that are read and planned at once: small files cost waiting, not work. Large ones take turns (`hashFile`): they share a disk. */
const NEAR_SIDE_BY_SIDE = 8;
/** The same of films on the web and in buckets: they share a line, and take as long as it makes them. Files do not wait behind them. */
const FAR_SIDE_BY_SIDE = 4;
/** Queued jobs kept in memory, of each kind. */
const MOST_QUEUED = 512;
const NEIGHBOUR = { port: "neighbour" } as const;

/** Queued jobs that are taken in next to each other, up to a limit. */
interface Lane {
  readonly queue: Backlog<Entry>;
  readonly sideBySide: number;
  readonly running: Set<Promise<void>>;
}

function lane(sideBySide: number): Lane {
  return { queue: new Backlog<Entry>(MOST_QUEUED), sideBySide, running: new Set() };
}

/** Turns queued jobs into planned ones: reads the source once for its fingerprint, and builds the plan from the enabled stages. */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #near = lane(NEAR_SIDE_BY_SIDE);
  readonly #far = lane(FAR_SIDE_BY_SIDE);
  readonly #lanes = [this.#near, this.#far];
  /** Jobs being read and planned, and those of them that were added meanwhile: each is taken by one at a time. */
  readonly #taking = new Set<string>();
  readonly #again = new Map<string, QueuedJob>();
  /** Jobs that wait for the end of another of the same asset, by that one's id. */
  readonly #joined = new Map<string, Map<string, QueuedJob>>();
  readonly #retries = new Retries();
  readonly #assets = new KeyedQueue();
  #open = false;
  #reading: Promise<void> | undefined;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** Plans wait until then: the first stages must have had time to register. */
  open(): void {
    this.#open = true;
    this.#start();
  }

  add(job: QueuedJob): void {
    if (!this.#parts.isMine()) {
      this.#parts.onElsewhere(job);
      return;
    }
    if (this.#taking.has(job.id)) this.#again.set(job.id, job);
    else this.#laneOf(job).queue.add({ id: job.id, sort: jobSort(job) });
    this.#start();
  }

  /** Adds the first of the queued jobs in the catalog: those whose hint was lost, and those for which there was no room. */
  async refill(): Promise<void> {
    const short = new Set(this.#lanes);
    const query = { collection: "jobs", term: "queued", by: "sort" } as const;
    for await (const { id, sort, body } of readAll<Job>(this.#parts.catalog, query)) {
      const { queue } = this.#laneOf(body);
      if (!this.#taking.has(id) && !this.#retries.waits(id)) queue.add({ id, sort });
      for (const one of short) if (one.queue.size >= MOST_QUEUED) short.delete(one);
      if (short.size === 0) break;
    }
    // Where there was room to the end, all that waits is here.
    for (const one of this.#lanes) one.queue.refilled(short.has(one));
    this.#start();
  }

  #laneOf({ sourceUri }: Pick<Job, "sourceUri">): Lane {
    const { kind } = parseSource(sourceUri);
    return kind === "http" || kind === "s3" ? this.#far : this.#near;
  }

  /** Another replica takes jobs in from now on. */
  clear(): void {
    for (const { queue } of this.#lanes) queue.clear();
    this.#again.clear();
    this.#joined.clear();
  }

  /** `job` joined `other`: it is planned when that one has settled. */
  async wait(job: QueuedJob, other: string): Promise<void> {
    const waiting = this.#joined.get(other) ?? new Map();
    this.#joined.set(other, waiting.set(job.id, job));
    const now = await this.#parts.store.read(other);
    if (now === undefined || now.body.settled) this.settled(other); // it may have settled before it was waited for
  }

  /** Whoever joined this job is planned now: all is cached then. */
  settled(job: string): void {
    for (const waiting of this.#joined.get(job)?.values() ?? []) this.add(waiting);
    this.#joined.delete(job);
  }

  async drained(): Promise<void> {
    this.#retries[Symbol.dispose]();
    await this.#reading;
    await Promise.all(this.#lanes.flatMap(({ running }) => [...running]));
  }

  #start(): void {
    if (!this.#open) return;
    for (const { queue, sideBySide, running } of this.#lanes) {
      while (running.size < sideBySide && queue.size > 0) {
        const work: Promise<void> = this.#work(queue).finally(() => {
          running.delete(work);
          this.#start();
        });
        running.add(work);
      }
      if (queue.size === 0 && queue.isCut && this.#parts.isMine()) this.#readOn();
    }
  }

  /** What had no room in the queue is read from the catalog now that it has run dry. */
  #readOn(): void {
    if (this.#reading !== undefined || this.#parts.stopping.aborted) return;
    this.#reading = this.refill()
      .catch((reason: unknown) => {
        this.#parts.log.error({ err: reason }, "queued jobs could not be read just now"); // the healing sweep does
      })
      .finally(() => {
        this.#reading = undefined;
      });
  }

  async #work(queue: Backlog<Entry>): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const { id } = next;
      if (this.#parts.stopping.aborted || !this.#parts.isMine()) return queue.clear();
      this.#taking.add(id);
      try {
        await this.#take(id);
        this.#retries.done(id);
      } catch (reason) {
        if (this.#parts.stopping.aborted) return queue.clear();
        this.#parts.log.error({ err: reason, job: id }, "a job could not be planned just now");
        const failures = this.#retries.failed(id, () => void this.#readOn());
        const error = HeimdexError.from(reason);
        if (failures >= TRIES && !isPassing(error)) await this.#giveUp(id, error);
      } finally {
        this.#taking.delete(id);
        const again = this.#again.get(id);
        if (this.#again.delete(id) && again !== undefined) this.add(again);
      }
    }
  }

  async #take(id: string): Promise<void> {
    const { store } = this.#parts;
    const job = await store.current(id);
    if (job?.state !== "QUEUED") return;
    try {
      const source = await this.#read(job);
      // One job of an asset at a time is planned, so that the second sees the first.
      await this.#assets.run(source.asset, async () => {
        const event = await this.#plan(job, source);
        await store.apply(id, event);
        if (event.kind === "joined") await this.wait(job, event.other);
      });
    } catch (reason) {
      const error = HeimdexError.from(reason);
      if (this.#parts.stopping.aborted || isTriedAgain(error)) throw reason;
      await this.#unplannable(job, error);
    }
  }

  async #giveUp(id: string, error: HeimdexError): Promise<void> {
    const job = await this.#parts.store.get(id);
    if (job?.state === "QUEUED") await this.#unplannable(job, error);
  }

  async #unplannable(job: Job, error: HeimdexError): Promise<void> {
    const { catalog, store, trace } = this.#parts;
    const atMs = Date.now();
    const reason = `${error.id}: ${error.message}`.slice(0, 2000);
    if (error.id === "SOURCE_NOT_FOUND") {
      const known = await catalog.get<SourceRecord>("sources", sourceId(job.tenant, job.sourceUri));
      if (known !== undefined) await markMissing(catalog, known.body.asset, job.sourceUri);
    }
    const span = { name: "plan", spanId: newSpanId(), parentId: "", startMs: atMs, durationMs: 0, attributes: {} };
    trace.own(job, { ...span, error: reason });
    await store.apply(job.id, { kind: "unplannable", atMs, reason, help: error.help });
  }

  async #read(job: Job): Promise<ReadSource> {
    const { trace } = this.#parts;
    const seenMs = Date.now();
    const { sources, stopping } = this.#parts;
    // Again: what a link leads to, or a bucket is set to, may have changed since the job was taken.
    await sources.check(job.tenant, job.sourceUri);
    const facts = await sources.stat(job.tenant, job.sourceUri, stopping);
    const digest = await this.#fingerprint(job, facts);
    const asset = assetId(job.tenant, digest);
    trace.own(job, {
      name: "seen",
      spanId: newSpanId(),
      parentId: "",
      startMs: seenMs,
      durationMs: Date.now() - seenMs,
      attributes: { source: job.sourceUri, asset, bytes: String(facts.size) },
    });
    return { facts, digest, asset };
  }

  async #plan(job: Job, { facts, digest, asset }: ReadSource): Promise<JobEvent & { kind: "planned" | "joined" }> {
    const { trace, estimates, plans } = this.#parts;
    const other = await this.#underWay(job, asset);
    if (other !== undefined) return { kind: "joined", atMs: Date.now(), asset, other };
    const planMs = Date.now();
    const planned = await this.plan();
    const plan = await plans.digestOf(planned);
    const steps = estimates.apply(runAgain(planned, job.again ?? []));
    const beside = takesNeighbours(steps) ? await this.#neighbours(job) : [];
    trace.own(job, {
      name: "plan",
      spanId: newSpanId(),
      parentId: "",
      startMs: planMs,
      durationMs: Date.now() - planMs,
      attributes: { steps: String(steps.length) },
    });
    return {
      kind: "planned",
      atMs: Date.now(),
      asset,
      fingerprint: digest,
      sourceSize: facts.size,
      sourceModifiedMs: facts.modifiedMs,
      ...(facts.tag === undefined ? {} : { sourceTag: facts.tag }),
      neighbours: beside,
      steps,
      plan,
    };
  }

  /** The job of the same asset that is being worked on or settled: there is one at a time. */
  async #underWay(job: Job, asset: string): Promise<string | undefined> {
    const found = await this.#parts.catalog.find<Job>({ collection: "jobs", term: `active:${asset}`, limit: 1000 });
    return found.find(({ id, body }) => id !== job.id && body.state !== "QUEUED")?.id;
  }

  /** The steps a job planned now would have. Throws NO_WORKER when no stage was ever registered.
   * @param assumed models that stages are taken to run with */
  async plan(assumed: readonly AssumedModel[] = []): Promise<Step[]> {
    const stages = await this.#parts.registry.list();
    const steps = planSteps(
      assumed.length === 0 ? stages : stages.map((stage) => assume(stage, assumed)),
      this.#parts.plan,
    );
    if (steps.length === 0)
      throw new HeimdexError("NO_WORKER", "no stage is registered yet: there is nothing to do with an asset", {
        help: "Start a stage service; `heimdex stages` shows what is there.",
      });
    return steps;
  }

  /** What is remembered of a source, when it says that its bytes are what they were. */
  async remembered(tenant: string, uri: string, facts: SourceFacts): Promise<SourceRecord | undefined> {
    if (!areTelling(facts)) return undefined;
    const known = (await this.#parts.catalog.get<SourceRecord>("sources", sourceId(tenant, uri)))?.body;
    return known !== undefined && sameFacts(known, facts) ? known : undefined;
  }

  async #fingerprint(job: Job, facts: SourceFacts): Promise<string> {
    const known = job.reread ? undefined : await this.remembered(job.tenant, job.sourceUri, facts);
    if (known !== undefined) return known.fingerprint;
    const { sources, stopping } = this.#parts;
    const digest = await sources.fingerprint(job.tenant, job.sourceUri, facts, stopping);
    const before = (await this.#parts.catalog.get<SourceRecord>("sources", sourceId(job.tenant, job.sourceUri)))?.body;
    if (before !== undefined && before.fingerprint !== digest)
      await markMissing(this.#parts.catalog, before.asset, job.sourceUri);
    const body: SourceRecord = {
      uri: job.sourceUri,
      tenant: job.tenant,
      ...facts,
      fingerprint: digest,
      asset: assetId(job.tenant, digest),
    };
    await this.#parts.catalog.write([
      {
        op: "put",
        collection: "sources",
        id: sourceId(job.tenant, job.sourceUri),
        terms: [`asset:${body.asset}`, `tenant:${job.tenant}`],
        sort: "",
        body,
      },
    ]);
    return digest;
  }

  /** What lies beside a source and is read by any of the steps, named but not kept. */
  async neighboursOf(tenant: string, uri: string, steps: readonly Step[]): Promise<ArtifactRef[]> {
    const found = takesNeighbours(steps) ? await this.#readNeighbours(tenant, uri) : [];
    return found.map(({ name, mediaType, bytes }) => ({
      ...NEIGHBOUR,
      mediaType,
      name,
      sha256: sha256Hex(bytes),
      size: bytes.byteLength,
    }));
  }

  async #neighbours({ tenant, sourceUri }: Job): Promise<ArtifactRef[]> {
    const found = await this.#readNeighbours(tenant, sourceUri);
    return Promise.all(
      found.map(({ name, mediaType, bytes }) =>
        keep(this.#parts.blobs, tenant, { ...NEIGHBOUR, mediaType, name }, bytes),
      ),
    );
  }

  #readNeighbours(tenant: string, uri: string) {
    return this.#parts.sources.neighbours(tenant, uri, (unreadable, reason) =>
      this.#parts.log.warn(
        { err: reason, path: unreadable },
        "what lies beside a source could not be read and is left out",
      ),
    );
  }
}

/** Whether a job that could not be read or planned is tried again before it fails with that. */
function isTriedAgain(error: HeimdexError): boolean {
  return error.id === "INTERNAL" || error.id === "SOURCE_UNAVAILABLE" || isPassing(error);
}

/** The steps, with those of some stages to run even if their results are known. */
export function runAgain(steps: readonly Step[], stages: readonly string[]): Step[] {
  return steps.map((step) => (stages.includes(step.stage) ? { ...step, again: true } : step));
}

/** Whether any of the steps reads the small files beside the source. */
function takesNeighbours(steps: readonly Step[]): boolean {
  return steps.some((step) => step.bindings.some((binding) => binding.fromPort === NEIGHBOUR_SCHEMA));
}
