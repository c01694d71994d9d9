import { HeimdexError } from "@heimdex/errors";
import {
  type AssetRecord,
  DISABLED,
  type Job,
  LAYER_SCHEMA_PREFIX,
  LEFT_OUT,
  MEDIA_SCHEMA,
  type SourceRecord,
  sourceId,
} from "@heimdex/kernel";
import type { Blobs, Catalog } from "@heimdex/ports";
import { checkSidecar, type Media, type Sidecar } from "@heimdex/sidecar";
import { sourceName } from "@heimdex/sources";
import { type Log, newSpanId } from "@heimdex/telemetry";
import { readAll } from "./artifacts.ts";
import { writeAsset } from "./asset-document.ts";
import type { Estimates } from "./estimates.ts";
import type { JobStore } from "./job-store.ts";
import type { JobTrace } from "./job-trace.ts";
import { runId } from "./kept-layers.ts";
import { KeyedQueue } from "./keyed-queue.ts";
import type { Outbox } from "./outbox.ts";
import { isPassing } from "./passing.ts";
import type { Plans } from "./plans.ts";
import { Retries } from "./retries.ts";
import { buildSidecar, type StepValues, sameContent } from "./sidecar-builder.ts";
import { readSidecar, writeRevision } from "./sidecar-revision.ts";
import type { Spaces } from "./spaces.ts";
import { withoutStages } from "./stage-layers.ts";
import type { StageRegistry } from "./stage-registry.ts";

export interface SettlementParts {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  readonly store: JobStore;
  readonly trace: JobTrace;
  readonly estimates: Estimates;
  readonly registry: StageRegistry;
  readonly spaces: Spaces;
  readonly plans: Plans;
  readonly outbox: Outbox;
  readonly log: Log;
  /** A new sidecar revision is there. */
  readonly onSidecar: (asset: string) => void;
}

/** Reasons of steps whose stage a person turned off, perhaps after they were planned. */
const TURNED_OFF: readonly string[] = [DISABLED, LEFT_OUT];

/** A fault that may be ours is tried so often before the job ends without a sidecar. */
const TRIES = 3;

/** Ends jobs whose steps are all final: writes the sidecar and the asset. Idempotent; a crash in the middle is taken up by the next sweep.
 * Jobs of one asset are settled one after the other: each revision is made from the one before. */
export class Settlement {
  readonly #parts: SettlementParts;
  readonly #running = new Map<string, Promise<void>>();
  readonly #assets = new KeyedQueue();
  readonly #retries = new Retries();

  constructor(parts: SettlementParts) {
    this.#parts = parts;
  }

  add(job: Job): void {
    if (this.#running.has(job.id)) return;
    const run = this.alone(job.asset, () => this.#settle(job))
      .then(() => this.#retries.done(job.id))
      .catch((reason: unknown) => this.#failed(job, reason))
      .finally(() => this.#running.delete(job.id));
    this.#running.set(job.id, run);
  }

  /** Does something while no job of the asset is being settled. */
  alone<R>(asset: string, work: () => Promise<R>): Promise<R> {
    return asset === "" ? work() : this.#assets.run(asset, work);
  }

  async drained(): Promise<void> {
    this.#retries[Symbol.dispose]();
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  async #failed(job: Job, reason: unknown): Promise<void> {
    const { log } = this.#parts;
    log.error({ err: reason, job: job.id }, "a job could not be settled just now");
    const failures = this.#retries.failed(job.id, () => this.add(job));
    const error = HeimdexError.from(reason);
    if (failures < TRIES || isPassing(error)) return;
    try {
      await this.#end(job, 0, error);
    } catch (again) {
      log.error({ err: again, job: job.id }, "a job could not be ended just now");
    }
  }

  async #settle(job: Job): Promise<void> {
    const startMs = Date.now();
    if (job.state !== "SUCCEEDED" && job.state !== "PARTIAL") return this.#end(job, 0);
    try {
      const revision = await this.#writeSidecar(job);
      this.#parts.trace.own(job, {
        name: "sidecar",
        spanId: newSpanId(),
        parentId: "",
        startMs,
        durationMs: Date.now() - startMs,
        attributes: { revision: String(revision) },
      });
      await this.#end(job, revision);
    } catch (reason) {
      const error = HeimdexError.from(reason);
      if (error.id !== "SIDECAR_INVALID") throw reason;
      await this.#end(job, 0, error);
    }
  }

  async #end(job: Job, revision: number, error?: HeimdexError): Promise<void> {
    const { store, trace, estimates } = this.#parts;
    const endMs = Date.now();
    const failure = error === undefined ? job.reason : `${error.id}: ${error.message}`;
    const state = error === undefined ? job.state : "FAILED";
    await trace.end(job, {
      name: `job ${sourceName(job.sourceUri)}`,
      spanId: job.rootSpanId,
      parentId: job.parentSpanId,
      startMs: job.createdAtMs,
      durationMs: endMs - job.createdAtMs,
      attributes: { job: job.id, asset: job.asset, state },
      ...(state === "FAILED" ? { error: failure } : {}),
    });
    const { applied } = await store.apply(job.id, {
      kind: "settled",
      atMs: endMs,
      sidecarRevision: revision,
      isToTell: this.#parts.outbox.isOpen,
      ...(error === undefined ? {} : { reason: failure.slice(0, 2000), help: error.help }),
    });
    if (applied) estimates.learn(job);
    if (revision > 0) this.#parts.onSidecar(job.asset);
  }

  /** Writes the next revision, unless nothing is new, and the asset that names it. Returns the revision that holds. */
  async #writeSidecar(planned: Job): Promise<number> {
    const { catalog, blobs, spaces, registry, plans } = this.#parts;
    const disabled = await registry.disabled();
    const job = withoutStages(planned, disabled);
    const off = job.steps.filter(({ state, reason }) => state === "SKIPPED" && TURNED_OFF.includes(reason));
    const plan = await plans.without(job.plan, new Set([...disabled, ...off.map(({ stage }) => stage)]));
    const values = await this.#values(job);
    for (;;) {
      const stored = await catalog.get<AssetRecord>("assets", job.asset);
      const asset = await this.#asset(job, stored?.body, values);
      const previous = await readSidecar(blobs, job.tenant, job.asset, asset.sidecarRevision);
      const serving = await spaces.serving(job.tenant, previous);
      const next = buildSidecar(job, asset, values, previous, serving, Date.now());
      const unchanged = previous !== undefined && sameContent(previous, next);
      if (!unchanged) assertValid(job, next);
      await spaces.see(job.tenant, [next]);
      const body: AssetRecord = {
        ...asset,
        ...(plan === undefined ? {} : { plan }),
        neighbours: job.neighbours.map(({ inline: _, ...neighbour }) => neighbour),
        latestJob: job.id,
        traceId: job.traceId,
        rootSpanId: job.rootSpanId,
      };
      if (!unchanged) {
        const revision = await writeRevision({ catalog, blobs }, next, body, stored);
        if (revision !== undefined) return revision;
      } else if (await writeAsset(catalog, body, stored)) return body.sidecarRevision;
    }
  }

  async #asset(job: Job, known: AssetRecord | undefined, values: StepValues): Promise<AssetRecord> {
    const source = (await this.#parts.catalog.get<SourceRecord>("sources", sourceId(job.tenant, job.sourceUri)))?.body;
    const own = {
      uri: job.sourceUri,
      size: job.sourceSize,
      modifiedMs: source?.modifiedMs ?? job.sourceModifiedMs,
      ...(source?.tag === undefined ? {} : { tag: source.tag }),
      missing: false,
    };
    const media = job.steps.flatMap((step) =>
      step.outputPorts
        .filter((port) => port.schema === MEDIA_SCHEMA)
        .map((port) => values.get(step.stage)?.get(port.name)),
    )[0] as Media | undefined;
    return {
      id: job.asset,
      tenant: job.tenant,
      fingerprint: job.fingerprint,
      size: job.sourceSize,
      title: media?.tags?.title ?? known?.title ?? sourceName(job.sourceUri),
      durationMs: media?.duration_ms ?? known?.durationMs ?? 0,
      sources: [own, ...(known?.sources ?? []).filter((other) => other.uri !== own.uri)].sort((a, b) =>
        a.uri < b.uri ? -1 : 1,
      ),
      sidecarRevision: known?.sidecarRevision ?? 0,
      indexedRevision: known?.indexedRevision ?? 0,
      ...(known?.spaces === undefined ? {} : { spaces: known.spaces }),
      ...(known?.layers === undefined ? {} : { layers: known.layers }),
      ...(known?.toTellMs === undefined ? {} : { toTellMs: known.toTellMs }),
      latestJob: job.id,
      createdAtMs: known?.createdAtMs ?? job.createdAtMs,
      traceId: job.traceId,
      rootSpanId: job.rootSpanId,
    };
  }

  /** Reads the JSON that the sidecar takes in: layers and media facts. */
  async #values(job: Job): Promise<StepValues> {
    const values = new Map<string, Map<string, unknown>>();
    for (const step of job.steps) {
      const read = new Map<string, unknown>();
      for (const port of step.outputPorts) {
        if (port.schema !== MEDIA_SCHEMA && !port.schema.startsWith(LAYER_SCHEMA_PREFIX) && port.layerSchema === "")
          continue;
        const ref = step.outputs.find((output) => output.port === port.name);
        if (ref !== undefined)
          read.set(port.name, JSON.parse(Buffer.from(await readAll(this.#parts.blobs, job.tenant, ref)).toString()));
      }
      values.set(step.stage, read);
    }
    return values;
  }
}

/** Throws SIDECAR_INVALID naming the first field that is not as the schema and its rules say. Layers carried over were right when they came: what
 * they refer to may have gone since, and that is no fault of this job. */
function assertValid(job: Job, sidecar: Sidecar): void {
  const own = new Set(job.steps.map((step) => runId(step.stage)));
  const issue = checkSidecar(sidecar).find(({ run }) => run === undefined || own.has(run));
  if (issue === undefined) return;
  throw new HeimdexError(
    "SIDECAR_INVALID",
    `the sidecar of ${job.asset} does not fit its schema at ${issue.path}: ${issue.message}`,
    { metadata: { asset: job.asset, job: job.id } },
  );
}
