import {
  type AssetRecord,
  type CacheEntry,
  isFinal,
  type Job,
  POSTER_SCHEMA,
  type StageRecord,
  type Step,
} from "@heimdex/kernel";
import { type Blobs, type Catalog, type Document, readAll } from "@heimdex/ports";
import type { Sidecar } from "@heimdex/sidecar";
import type { Log } from "@heimdex/telemetry";
import { blobsOf } from "./artifacts.ts";
import { writeAsset } from "./asset-document.ts";
import type { Indexer } from "./indexer.ts";
import type { JobStore } from "./job-store.ts";
import { isRunOf } from "./kept-layers.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import type { Plans } from "./plans.ts";
import type { Settlement } from "./settlement.ts";
import { readSidecar, sidecarFolder, sidecarName, writeRevision } from "./sidecar-revision.ts";
import { blobReferences, stageLayers, withoutStage } from "./stage-layers.ts";
import type { StageRegistry } from "./stage-registry.ts";

/** What a stage has made, or what of it was removed: counts, and bytes of the blobs. */
export interface Holdings {
  assets: number;
  layers: number;
  items: number;
  blobs: number;
  bytes: number;
  results: number;
}

export const NOTHING: Holdings = { assets: 0, layers: 0, items: 0, blobs: 0, bytes: 0, results: 0 };

export interface StagePurgeParts {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  readonly store: JobStore;
  readonly registry: StageRegistry;
  readonly plans: Plans;
  readonly settlement: Settlement;
  readonly indexer: Indexer;
  readonly log: Log;
  /** Whether removing is this replica's to do. */
  readonly isMine: () => boolean;
}

/** What is removed with one look at who else refers to it. Bounds the memory it takes. */
const FOUND_AT_ONCE = 100_000;
const PAGE = 500;

/** Turns stages off and removes what they made. The mark in the stage's record stays until nothing of it is left, so that whoever comes after a crash goes on.
 * First come sidecars without it, then the blobs go, and last what says which blobs these were. */
export class StagePurge {
  readonly #parts: StagePurgeParts;
  readonly #queue = new KeyedQueue();
  #closed = false;

  constructor(parts: StagePurgeParts) {
    this.#parts = parts;
  }

  /** What the stage has made and is kept. Throws NOT_FOUND. */
  async holdings(stage: string): Promise<Holdings> {
    await this.#parts.registry.require(stage);
    return new Pass(this.#parts, stage, true, async () => true).run();
  }

  /** Throws NOT_FOUND. What jobs under way have of it goes when they end.
   * @param keep nothing is removed: jobs no longer wait for it, and attempts under way may finish */
  async disable(stage: string, keep: boolean): Promise<{ readonly removed: Holdings; readonly jobsUnderWay: number }> {
    await this.#parts.registry.disable(stage, Date.now(), keep);
    return this.#queue.run(stage, async () => {
      if (!keep) return this.#purge(stage);
      for (const { id } of await jobsWith(this.#parts, stage))
        await this.#parts.store.apply(id, { kind: "disabled", atMs: Date.now(), stage, keep });
      return { removed: NOTHING, jobsUnderWay: 0 };
    });
  }

  /** Throws as `StageRegistry.enable`. */
  async enable(stage: string): Promise<StageRecord> {
    const record = await this.#parts.registry.enable(stage);
    await this.#queue.run(stage, async () => {}); // what removes stops first
    return record;
  }

  /** Goes on with what a crash or jobs under way left. */
  async tend(): Promise<void> {
    const { registry } = this.#parts;
    for (const stage of await registry.disabled())
      await this.#queue.run(stage, async () => {
        const record = await registry.get(stage);
        if (record?.disabled === undefined || !isOff(record) || this.#closed) return;
        if (record.disabled.isPurging || (await jobsWith(this.#parts, stage)).length > 0) await this.#purge(stage);
      });
  }

  /** Stops behind the asset that is being done. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const stage of await this.#parts.registry.disabled()) await this.#queue.run(stage, async () => {});
  }

  async #purge(stage: string): Promise<{ readonly removed: Holdings; readonly jobsUnderWay: number }> {
    const { store, registry, indexer, log } = this.#parts;
    const isWanted = async () => !this.#closed && this.#parts.isMine() && isOff(await registry.get(stage));
    for (const { id } of await jobsWith(this.#parts, stage))
      await store.apply(id, { kind: "disabled", atMs: Date.now(), stage, keep: false });
    const removed = await new Pass(this.#parts, stage, false, isWanted).run();
    await indexer.idle();
    const left = await jobsWith(this.#parts, stage);
    if (left.length === 0 && (await isWanted())) await registry.purged(stage);
    log.info({ stage, ...removed, jobsUnderWay: left.length }, "what a disabled stage made was removed");
    return { removed, jobsUnderWay: left.length };
  }
}

/** Whether what the stage made is to go. */
function isOff(record: StageRecord | undefined): boolean {
  return record?.disabled !== undefined && record.disabled.isKept !== true;
}

/** Jobs that are not settled and in which the stage is, or was, to run. */
async function jobsWith({ catalog }: StagePurgeParts, stage: string): Promise<Job[]> {
  const jobs = new Map<string, Job>();
  for (const term of ["active", "unsettled"])
    for await (const { id, body } of readAll<Job>(catalog, { collection: "jobs", term }))
      if (!body.settled && body.steps.some((step) => step.stage === stage && mayHaveOutputs(step))) jobs.set(id, body);
  return [...jobs.values()];
}

function mayHaveOutputs({ state, outputs }: Step): boolean {
  return !isFinal(state) || outputs.length > 0;
}

/** Something to be deleted once the blobs are. */
interface Remains {
  readonly revisions: { readonly tenant: string; readonly name: string }[];
  readonly results: string[];
  readonly jobs: string[];
}

/** One walk over the archive: sidecars, results, jobs. */
class Pass {
  readonly #parts: StagePurgeParts;
  readonly #stage: string;
  readonly #isDry: boolean;
  readonly #isWanted: () => Promise<boolean>;
  readonly #sum: Holdings = { ...NOTHING };
  /** What stays by tenant and SHA-256: steps behind it in jobs under way may read it yet, or layers of nobody's stage refer to it. */
  readonly #stays = new Set<string>();
  /** Step keys of results that stay with a job under way: by them they are found again. */
  readonly #busy = new Set<string>();
  /** Sizes of blobs that are to go, by tenant and SHA-256. */
  #blobs = new Map<string, Map<string, number>>();
  #remains: Remains = { revisions: [], results: [], jobs: [] };
  #makesPoster = false;
  #failure: unknown;

  constructor(parts: StagePurgeParts, stage: string, isDry: boolean, isWanted: () => Promise<boolean>) {
    this.#parts = parts;
    this.#stage = stage;
    this.#isDry = isDry;
    this.#isWanted = isWanted;
  }

  /** An asset that cannot be done keeps nobody else waiting: its fault is thrown at the end. */
  async run(): Promise<Holdings> {
    const { catalog, blobs, registry, settlement, indexer } = this.#parts;
    for (const { tenant, neighbours, steps } of await jobsWith(this.#parts, this.#stage)) {
      const own = steps.filter(({ stage }) => stage === this.#stage);
      for (const { key } of own) this.#busy.add(key);
      const outputs = await blobsOf(blobs, tenant, [...neighbours, ...own.flatMap((step) => step.outputs)]);
      for (const sha256 of outputs.keys()) this.#stays.add(`${tenant}/${sha256}`);
    }
    const { manifest } = await registry.require(this.#stage);
    this.#makesPoster = manifest.outputs.some(({ schema }) => schema === POSTER_SCHEMA);
    const stages = (await registry.list()).map((stage) => stage.manifest.name);
    for await (const { id, body } of readAll<AssetRecord>(catalog, { collection: "assets" })) {
      if (!(await this.#isWanted())) return this.#sum;
      try {
        // Between two settlements, so that none of them writes over it.
        await settlement.alone(id, () => this.#asset(body.tenant, id, stages));
      } catch (reason) {
        this.#failure ??= reason;
      }
      if (!this.#isDry) indexer.add(id);
      await this.#flushFull();
    }
    for await (const { id, body } of readAll<CacheEntry>(catalog, { collection: "cache" })) {
      if (body.stage !== this.#stage || this.#busy.has(id)) continue;
      this.#remains.results.push(id);
      this.#collect(body.tenant, await blobsOf(blobs, body.tenant, body.outputs));
      await this.#flushFull();
    }
    for await (const { id, body } of readAll<Job>(catalog, { collection: "jobs" })) {
      const step = body.settled ? body.steps.find(({ stage }) => stage === this.#stage) : undefined;
      if (step === undefined || step.outputs.length === 0) continue;
      this.#remains.jobs.push(id);
      this.#collect(body.tenant, await blobsOf(blobs, body.tenant, step.outputs));
      await this.#flushFull();
    }
    if (await this.#isWanted()) await this.#flush();
    if (this.#failure !== undefined) throw this.#failure;
    return this.#sum;
  }

  async #asset(tenant: string, id: string, stages: readonly string[]): Promise<void> {
    const newest = await this.#strip(id);
    if (newest === undefined) return;
    const foreign = newest.layers.filter((layer) => !stages.some((stage) => isRunOf(layer.run, stage)));
    for (const sha256 of blobReferences(foreign).keys()) this.#stays.add(`${tenant}/${sha256}`);
    await this.#collectRevisions(tenant, id, newest.revision);
  }

  #collect(tenant: string, found: ReadonlyMap<string, number>): void {
    const all = this.#blobs.get(tenant) ?? new Map<string, number>();
    for (const [sha256, size] of found) all.set(sha256, size);
    this.#blobs.set(tenant, all);
  }

  /** Writes a revision without the stage's layers, where the newest has any. Says what the newest is then. */
  async #strip(id: string): Promise<Sidecar | undefined> {
    const { catalog, blobs, plans } = this.#parts;
    for (;;) {
      const stored = await catalog.get<AssetRecord>("assets", id);
      if (stored === undefined) return undefined;
      const { tenant, sidecarRevision } = stored.body;
      const sidecar = await readSidecar(blobs, tenant, id, sidecarRevision);
      if (sidecar === undefined) return undefined;
      const layers = stageLayers(sidecar, this.#stage);
      const next = this.#isDry ? undefined : withoutStage(sidecar, this.#stage, this.#makesPoster, Date.now());
      // Turned on again, it has everything to do here.
      const plan = this.#isDry ? stored.body.plan : await plans.without(stored.body.plan, new Set([this.#stage]));
      const body = { ...stored.body, ...(plan === undefined ? {} : { plan }) };
      let newest = sidecarRevision;
      if (next !== undefined) {
        const revision = await writeRevision({ catalog, blobs }, next, body, stored);
        if (revision === undefined) continue;
        newest = revision;
      } else if (plan !== stored.body.plan && !(await writeAsset(catalog, body, stored))) continue;
      if (layers.length > 0) this.#sum.assets++;
      this.#sum.layers += layers.length;
      this.#sum.items += layers.reduce((sum, { items }) => sum + items.length, 0);
      return { ...(next ?? sidecar), revision: newest };
    }
  }

  /** Revisions that still hold layers of the stage, and the blobs these refer to. */
  async #collectRevisions(tenant: string, id: string, newest: number): Promise<void> {
    const { blobs } = this.#parts;
    for (let after: string | undefined; ; ) {
      const names = await blobs.listNamed(tenant, sidecarFolder(id), after, PAGE);
      for (const name of names) {
        if (!this.#isDry && name === sidecarName(id, newest)) continue;
        const bytes = await blobs.getNamed(tenant, name);
        const layers = bytes === undefined ? [] : stageLayers(JSON.parse(Buffer.from(bytes).toString()), this.#stage);
        if (layers.length === 0) continue;
        this.#collect(tenant, blobReferences(layers));
        this.#remains.revisions.push({ tenant, name });
      }
      after = names.at(-1);
      if (names.length < PAGE) return;
    }
  }

  async #flushFull(): Promise<void> {
    const { revisions, results, jobs } = this.#remains;
    const found = this.#blobs.values().reduce((sum, blobs) => sum + blobs.size, 0);
    if (found + revisions.length + results.length + jobs.length >= FOUND_AT_ONCE) await this.#flush();
  }

  /** Removes the blobs found so far that nobody else refers to, then what told of them. */
  async #flush(): Promise<void> {
    const { catalog, blobs } = this.#parts;
    for await (const { body } of readAll<CacheEntry>(catalog, { collection: "cache" })) {
      const own = this.#blobs.get(body.tenant);
      if (own === undefined || body.stage === this.#stage) continue;
      for (const sha256 of (await blobsOf(blobs, body.tenant, body.outputs)).keys()) own.delete(sha256);
    }
    for (const [tenant, own] of this.#blobs)
      for (const [sha256, size] of own) {
        if (this.#stays.has(`${tenant}/${sha256}`) || !(await blobs.has({ tenant, sha256, size }))) continue;
        if (!this.#isDry) await blobs.delete({ tenant, sha256, size });
        this.#sum.blobs++;
        this.#sum.bytes += size;
      }
    this.#sum.results += this.#remains.results.length;
    if (!this.#isDry) {
      for (const { tenant, name } of this.#remains.revisions) await blobs.deleteNamed(tenant, name);
      for (const job of this.#remains.jobs) await this.#forget(job);
      for (let at = 0; at < this.#remains.results.length; at += PAGE)
        await catalog.write(
          this.#remains.results.slice(at, at + PAGE).map((id) => ({ op: "delete", collection: "cache", id }) as const),
        );
    }
    this.#blobs = new Map();
    this.#remains = { revisions: [], results: [], jobs: [] };
  }

  /** Takes what the stage put out from a settled job: small outputs stand in the job itself. */
  async #forget(id: string): Promise<void> {
    const { catalog } = this.#parts;
    for (;;) {
      const stored: Document<Job> | undefined = await catalog.get<Job>("jobs", id);
      if (stored === undefined) return;
      const { version, terms, sort, body } = stored;
      const steps = body.steps.map((step) => (step.stage === this.#stage ? { ...step, outputs: [] } : step));
      const [result] = await catalog.write([
        { op: "replace", collection: "jobs", id, version, terms, sort, body: { ...body, steps } },
      ]);
      if (result?.ok === true) return;
    }
  }
}
