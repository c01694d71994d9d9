import { HeimdexError } from "@heimdex/errors";
import {
  type ArtifactRef,
  type AssetRecord,
  type CacheEntry,
  type Effect,
  type Job,
  type JobEvent,
  jobEnded,
  type ReducerConfig,
  reduce,
  runCause,
  type Step,
} from "@heimdex/kernel";
import type { Blobs, Catalog, Document, WriteOp, WriteResult } from "@heimdex/ports";
import { unfoldLists } from "./artifacts.ts";
import { mapBounded } from "./bounded.ts";
import { jobSort, jobTerms } from "./job-document.ts";

const LOOK_UPS_AT_ONCE = 16;
/** Jobs remembered at most: a job's document may have 256 KiB. */
const MOST_KNOWN = 512;

export interface Applied {
  readonly job: Job;
  /** Version of the job's document after the write. */
  readonly version: number;
  /** False: the event came too late or twice; nothing was written for it. */
  readonly applied: boolean;
}

/** What happens after a job is written, in order of the events. */
export type EffectHandler = (job: Job, effects: readonly Effect[], version: number) => void;

/** A place with a worker for a step that becomes ready with the next write: it is leased by that write. One of the two is called, once. */
export interface Claim {
  readonly event: JobEvent & { readonly kind: "leased" };
  /** The lease is written, in this job. */
  readonly written: (job: Job) => void;
  /** It is not. */
  readonly dropped: () => void;
}

interface Waiting {
  readonly event: JobEvent;
  readonly resolve: (applied: Applied) => void;
  readonly reject: (reason: unknown) => void;
}

/** Jobs in the catalog, changed only by events. Events of one job that arrive while it is being written are folded into the next write; cache
 * look-ups are answered and workers that wait are found before the write, so that a step that becomes ready, and is leased, costs none of its own.
 * Another process may write the same job: the compare-and-set then fails, and the events are reduced again over what it wrote. */
export class JobStore {
  readonly #catalog: Catalog;
  readonly #blobs: Blobs;
  readonly #config: ReducerConfig;
  readonly #onEffects: EffectHandler;
  readonly #claim: (job: Job, step: Step) => Promise<Claim | undefined>;
  readonly #queues = new Map<string, Waiting[]>();
  /** Jobs under way as last written or read here, the latest last. Where others write too it may be old: a compare-and-set decides, and what has none reads
   * the catalog (`current`). */
  readonly #known = new Map<string, Document<Job>>();
  /** Of jobs under way the job of the asset before. */
  readonly #before = new Map<string, Promise<Job | undefined>>();
  readonly #isShared: boolean;

  /** @param claim finds a worker for a step that is about to become ready; undefined when none waits
   * @param isShared whether anybody else writes jobs */
  constructor(
    catalog: Catalog,
    blobs: Blobs,
    config: ReducerConfig,
    onEffects: EffectHandler,
    claim: (job: Job, step: Step) => Promise<Claim | undefined>,
    isShared = true,
  ) {
    this.#catalog = catalog;
    this.#blobs = blobs;
    this.#config = config;
    this.#onEffects = onEffects;
    this.#claim = claim;
    this.#isShared = isShared;
  }

  /** Stores a new job. False when the id is taken. */
  async create(job: Job): Promise<boolean> {
    const [result] = await this.#catalog.write([
      { op: "insert", collection: "jobs", id: job.id, terms: jobTerms(job), sort: jobSort(job), body: job },
    ]);
    return result?.ok === true;
  }

  /** The job as last known here, which may be old where others write too: for what ends in `apply`. */
  async get(id: string): Promise<Job | undefined> {
    return (await this.#latest(id))?.body;
  }

  /** The job as it is, for what no write decides. */
  async current(id: string): Promise<Job | undefined> {
    if (this.#isShared && !this.#queues.has(id)) this.#known.delete(id);
    return (await this.#latest(id))?.body;
  }

  /** Somebody else has written the job. False when what is known here is as new. */
  changed(id: string, version: number): boolean {
    const known = this.#known.get(id);
    if (known !== undefined && known.version >= version) return false;
    this.#drop(id);
    return true;
  }

  async #latest(id: string): Promise<Document<Job> | undefined> {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const stored = await this.#catalog.get<Job>("jobs", id);
    // What was written while it was read is newer.
    const now = this.#known.get(id);
    if (now !== undefined) return now;
    // Where all changes are made here, those of the moment are remembered, and no reading that they overtook.
    if (this.#isShared && stored !== undefined && !stored.body.settled) this.#remember(stored);
    return stored;
  }

  #remember(document: Document<Job>): void {
    this.#known.delete(document.id);
    this.#known.set(document.id, document);
    const oldest = this.#known.keys().next();
    if (this.#known.size > MOST_KNOWN && oldest.done !== true) this.#drop(oldest.value);
  }

  #drop(id: string): void {
    this.#known.delete(id);
    this.#before.delete(id);
  }

  /** The job as stored: what another process may have changed is seen. */
  async read(id: string): Promise<Document<Job> | undefined> {
    return this.#catalog.get<Job>("jobs", id);
  }

  /** Applies an event and writes. Rejects with JOB_NOT_FOUND, and as the catalog does; the event is then not applied. */
  apply(id: string, event: JobEvent): Promise<Applied> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { event, resolve, reject };
      const queue = this.#queues.get(id);
      if (queue !== undefined) {
        queue.push(waiting);
        return;
      }
      this.#queues.set(id, [waiting]);
      void this.#drain(id);
    });
  }

  async #drain(id: string): Promise<void> {
    for (;;) {
      const batch = this.#queues.get(id)?.splice(0) ?? [];
      if (batch.length === 0) {
        this.#queues.delete(id);
        return;
      }
      try {
        await this.#applyBatch(id, batch);
      } catch (reason) {
        this.#known.delete(id);
        for (const waiting of batch) waiting.reject(reason);
      }
    }
  }

  async #applyBatch(id: string, batch: readonly Waiting[]): Promise<void> {
    let isOld = this.#isShared && this.#known.has(id);
    const remembered = new Set<string>();
    for (;;) {
      const stored = await this.#latest(id);
      if (stored === undefined)
        throw new HeimdexError("JOB_NOT_FOUND", `there is no job ${id}`, { metadata: { job: id } });
      const effects: Effect[] = [];
      const applied: boolean[] = [];
      let job = stored.body;
      for (const { event } of batch) {
        const reduced = reduce(job, event, this.#config);
        job = reduced.job;
        applied.push(reduced.applied);
        effects.push(...reduced.effects);
      }
      const borrowed: WriteOp[] = [];
      job = await this.#answerLookUps(job, effects, borrowed);
      if (job === stored.body) {
        if (isOld) {
          this.#known.delete(id);
          isOld = false;
          continue; // it may be refused only for what is no longer so
        }
        for (const waiting of batch) waiting.resolve({ job, version: stored.version, applied: false });
        return;
      }
      // With a compare-and-set that failed they were written all the same.
      const ops: WriteOp[] = effects.flatMap((effect): WriteOp[] =>
        effect.kind === "remember" && !remembered.has(effect.key) ? [cachePut(effect)] : [],
      );
      ops.push(...borrowed);
      const claims: Claim[] = [];
      job = await this.#leaseReady(job, effects, claims);
      ops.push({
        op: "replace",
        collection: "jobs",
        id,
        version: stored.version,
        terms: jobTerms(job),
        sort: jobSort(job),
        body: job,
      });
      const result = await this.#write(ops, claims);
      if (result?.ok !== true) {
        this.#known.delete(id);
        isOld = false;
        for (const op of ops) if (op.collection === "cache" && op.op === "put") remembered.add(op.id);
        continue; // somebody else wrote it: reduce again over that
      }
      const document: Document<Job> = { id, version: result.version, terms: [], sort: "", body: job };
      if (jobEnded(job.state)) this.#before.delete(id);
      if (job.settled) this.#known.delete(id);
      else this.#remember(document);
      for (const claim of claims) claim.written(job);
      this.#onEffects(job, effects, result.version);
      for (const [index, waiting] of batch.entries()) {
        waiting.resolve({ job, version: result.version, applied: applied[index] === true });
      }
      return;
    }
  }

  /** Leases the steps that effects offer, as far as workers wait for them. */
  async #leaseReady(job: Job, effects: readonly Effect[], claims: Claim[]): Promise<Job> {
    let current = job;
    for (const effect of effects) {
      const step = current.steps.find((candidate) => effect.kind === "offer" && candidate.stage === effect.stage);
      const claim = step?.state === "READY" ? await this.#claim(current, step) : undefined;
      if (claim === undefined) continue;
      const { job: leased, applied } = reduce(current, claim.event, this.#config);
      if (applied) claims.push(claim);
      else claim.dropped();
      current = leased;
    }
    return current;
  }

  /** What became of the last operation. Claims are dropped when it was not written. */
  async #write(ops: readonly WriteOp[], claims: readonly Claim[]): Promise<WriteResult | undefined> {
    let result: WriteResult | undefined;
    try {
      result = (await this.#catalog.write(ops)).at(-1);
      return result;
    } finally {
      if (result?.ok !== true) for (const claim of claims) claim.dropped();
    }
  }

  /** Asks the cache for every key an effect names, applies the answers, and goes on until nothing more is asked. */
  async #answerLookUps(job: Job, effects: Effect[], borrowed: WriteOp[]): Promise<Job> {
    let current = job;
    for (let from = 0; from < effects.length; ) {
      const lookUps = effects.slice(from).filter((effect) => effect.kind === "look-up");
      from = effects.length;
      if (lookUps.length === 0) break;
      const hits = await this.#catalog.getMany<CacheEntry>(
        "cache",
        lookUps.map((effect) => effect.key),
      );
      const atMs = Date.now();
      for (const [index, { stage, key }] of lookUps.entries()) {
        const found = hits[index];
        const entry = found?.body;
        const hit =
          entry !== undefined && entry.tenant === job.tenant && (await this.#present(entry)) ? entry : undefined;
        if (hit !== undefined && found !== undefined && hit.asset !== job.asset) borrowed.push(cacheLend(found, job));
        const cause = hit === undefined ? { cause: await this.#cause(current, stage) } : {};
        const reduced = reduce(current, { kind: "looked-up", atMs, stage, key, hit, ...cause }, this.#config);
        current = reduced.job;
        effects.push(...reduced.effects);
      }
    }
    return current;
  }

  /** Why nothing is known of a step: what has changed since the last job of the asset, which is read once for each job. */
  async #cause(job: Job, stage: string): Promise<string> {
    const step = job.steps.find((candidate) => candidate.stage === stage);
    const before = this.#before.get(job.id) ?? lastJob(this.#catalog, job.asset);
    this.#before.set(job.id, before);
    before.catch(() => this.#before.delete(job.id)); // whoever comes next asks again
    return step === undefined ? "" : runCause(job, step, await before);
  }

  /** A result whose bytes are gone is no result: the step runs again. */
  async #present({ tenant, outputs }: CacheEntry): Promise<boolean> {
    const isKept = async ({ sha256, size, inline }: ArtifactRef) =>
      inline !== undefined || this.#blobs.has({ tenant, sha256, size });
    for (const output of outputs) {
      if (!(await isKept(output))) return false;
      if (output.list === undefined) continue;
      const listed = await mapBounded(await unfoldLists(this.#blobs, tenant, [output]), LOOK_UPS_AT_ONCE, isKept);
      if (listed.includes(false)) return false;
    }
    return true;
  }

  /** Repeats the look-ups that a crash cut off: steps that wait with a key. */
  async resumeLookUps(id: string): Promise<void> {
    const job = await this.get(id);
    for (const step of job?.steps ?? []) {
      if (step.state !== "WAITING" || step.key === "") continue;
      const entry = (await this.#catalog.get<CacheEntry>("cache", step.key))?.body;
      const hit = entry !== undefined && (await this.#present(entry)) ? entry : undefined;
      const cause = hit === undefined && job !== undefined ? { cause: await this.#cause(job, step.stage) } : {};
      await this.apply(id, { kind: "looked-up", atMs: Date.now(), stage: step.stage, key: step.key, hit, ...cause });
    }
  }
}

/** The last job of an asset that ended well. */
async function lastJob(catalog: Catalog, asset: string): Promise<Job | undefined> {
  const latest = (await catalog.get<AssetRecord>("assets", asset))?.body.latestJob;
  return latest === undefined ? undefined : (await catalog.get<Job>("jobs", latest))?.body;
}

/** Another asset's result is used: it must not go with that asset alone. */
function cacheLend({ id, version, terms, body }: Document<CacheEntry>, { asset }: Job): WriteOp {
  return {
    op: "replace",
    collection: "cache",
    id,
    version,
    terms: [...new Set([...terms, `asset:${asset}`])],
    sort: "",
    body,
  };
}

function cachePut(effect: Effect & { kind: "remember" }): WriteOp {
  const { key, entry } = effect;
  return { op: "put", collection: "cache", id: key, terms: [`asset:${entry.asset}`], sort: "", body: entry };
}
