import { HeimdexError } from "@heimdex/errors";
import {
  type ArtifactRef,
  type Job,
  type JobEvent,
  NEIGHBOUR_SCHEMA,
  type PlanConfig,
  planSteps,
  type SourceRecord,
  type Step,
} from "@heimdex/kernel";
import type { Blobs, Catalog } from "@heimdex/ports";
import { type Log, newSpanId } from "@heimdex/telemetry";
import { keep } from "./artifacts.ts";
import type { Estimates } from "./estimates.ts";
import { assetId, sourceId } from "./ids.ts";
import type { JobStore } from "./job-store.ts";
import type { JobTrace } from "./job-trace.ts";
import { fingerprint, neighbours, type SourceFacts, sourcePath, statSource } from "./source.ts";
import type { StageRegistry } from "./stage-registry.ts";

export interface IntakeParts {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  readonly store: JobStore;
  readonly registry: StageRegistry;
  readonly trace: JobTrace;
  readonly estimates: Estimates;
  readonly plan: PlanConfig;
  readonly log: Log;
  readonly stopping: AbortSignal;
}

/** Turns queued jobs into planned ones: reads the source once for its fingerprint, and builds the plan from the enabled stages. One file is read at a time: they
 * share a disk. */
export class Intake {
  readonly #parts: IntakeParts;
  readonly #queue = new Set<string>();
  #running: Promise<void> = Promise.resolve();
  #busy = false;
  #open = false;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
  }

  /** Plans wait until then: the first stages must have had time to register. */
  open(): void {
    this.#open = true;
    this.#start();
  }

  add(job: string): void {
    this.#queue.add(job);
    this.#start();
  }

  async drained(): Promise<void> {
    await this.#running;
  }

  #start(): void {
    if (!this.#open || this.#busy || this.#queue.size === 0) return;
    this.#busy = true;
    this.#running = this.#run().finally(() => {
      this.#busy = false;
      this.#start();
    });
  }

  async #run(): Promise<void> {
    for (const id of this.#queue) {
      if (this.#parts.stopping.aborted) return this.#queue.clear();
      this.#queue.delete(id);
      try {
        await this.#take(id);
      } catch (reason) {
        if (this.#parts.stopping.aborted) return;
        // The job stays queued in the catalog; the next sweep brings it again.
        this.#parts.log.error({ err: reason, job: id }, "a job could not be planned just now");
      }
    }
  }

  async #take(id: string): Promise<void> {
    const { store, trace, stopping } = this.#parts;
    const job = await store.get(id);
    if (job?.state !== "QUEUED") return;
    const event = await this.#event(job).catch((reason: unknown): JobEvent => {
      const error = HeimdexError.from(reason);
      if (
        stopping.aborted ||
        error.id === "INTERNAL" ||
        error.id === "CATALOG_UNAVAILABLE" ||
        error.id === "CATALOG_CLOSED" ||
        error.id === "DISK_FULL"
      )
        throw reason;
      return { kind: "unplannable", atMs: Date.now(), reason: `${error.id}: ${error.message}`, help: error.help };
    });
    await store.apply(id, event);
    if (event.kind === "unplannable") {
      trace.own(job, {
        name: "plan",
        spanId: newSpanId(),
        parentId: "",
        startMs: event.atMs,
        durationMs: 0,
        attributes: {},
        error: event.reason,
      });
    }
  }

  async #event(job: Job): Promise<JobEvent> {
    const { catalog, trace, estimates } = this.#parts;
    const seenMs = Date.now();
    const path = sourcePath(job.sourceUri);
    const facts = await statSource(path);
    const digest = await this.#fingerprint(job, path, facts);
    const asset = assetId(job.tenant, digest);
    trace.own(job, {
      name: "seen",
      spanId: newSpanId(),
      parentId: "",
      startMs: seenMs,
      durationMs: Date.now() - seenMs,
      attributes: { source: job.sourceUri, asset, bytes: String(facts.size) },
    });
    const other = (await catalog.find<Job>({ collection: "jobs", term: `active:${asset}`, limit: 2 })).find(
      (found) => found.id !== job.id && found.body.state === "RUNNING",
    );
    if (other !== undefined) return { kind: "joined", atMs: Date.now(), asset, other: other.id };
    const planMs = Date.now();
    const steps = estimates.apply(await this.plan());
    const beside = steps.some((step) => step.bindings.some((binding) => binding.fromPort === NEIGHBOUR_SCHEMA))
      ? await this.#neighbours(job.tenant, path)
      : [];
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
      neighbours: beside,
      steps,
    };
  }

  /** The steps a job planned now would have. Throws NO_WORKER when no stage was ever registered. */
  async plan(): Promise<Step[]> {
    const steps = planSteps(await this.#parts.registry.list(), this.#parts.plan);
    if (steps.length === 0)
      throw new HeimdexError("NO_WORKER", "no stage is registered yet: there is nothing to do with an asset", {
        help: "Start a stage service; `heimdex stages` shows what is there.",
      });
    return steps;
  }

  /** What is remembered of a source, when its size and modification time are as they were. */
  async remembered(tenant: string, uri: string, facts: SourceFacts): Promise<SourceRecord | undefined> {
    const known = (await this.#parts.catalog.get<SourceRecord>("sources", sourceId(tenant, uri)))?.body;
    return known?.size === facts.size && known.modifiedMs === facts.modifiedMs ? known : undefined;
  }

  async #fingerprint(job: Job, path: string, facts: SourceFacts): Promise<string> {
    const known = job.reread ? undefined : await this.remembered(job.tenant, job.sourceUri, facts);
    if (known !== undefined) return known.fingerprint;
    const digest = await fingerprint(path, facts, this.#parts.stopping);
    const body: SourceRecord = {
      uri: job.sourceUri,
      tenant: job.tenant,
      size: facts.size,
      modifiedMs: facts.modifiedMs,
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

  async #neighbours(tenant: string, path: string): Promise<ArtifactRef[]> {
    const found = await neighbours(path);
    return Promise.all(
      found.map(({ name, mediaType, bytes }) =>
        keep(this.#parts.blobs, tenant, { port: "neighbour", mediaType, name }, bytes),
      ),
    );
  }
}
