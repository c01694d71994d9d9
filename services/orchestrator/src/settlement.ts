import { basename } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import { type AssetRecord, type Job, LAYER_SCHEMA_PREFIX, MEDIA_SCHEMA, type SourceRecord } from "@heimdex/kernel";
import type { Blobs, Catalog, Document } from "@heimdex/ports";
import { type Media, type Sidecar, sidecar as sidecarSchema } from "@heimdex/sidecar";
import { type Log, newSpanId } from "@heimdex/telemetry";
import { readAll } from "./artifacts.ts";
import type { Estimates } from "./estimates.ts";
import { sourceId } from "./ids.ts";
import type { JobStore } from "./job-store.ts";
import type { JobTrace } from "./job-trace.ts";
import { buildSidecar, type StepValues, sameContent } from "./sidecar-builder.ts";
import { sourcePath } from "./source.ts";

export interface SettlementParts {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  readonly store: JobStore;
  readonly trace: JobTrace;
  readonly estimates: Estimates;
  readonly log: Log;
  /** A new sidecar revision is there. */
  readonly onSidecar: (asset: string) => void;
}

/** Name of a sidecar in the blob store. */
export function sidecarName(asset: string, revision: number): string {
  return `sidecars/${asset}/${revision}.json`;
}

/** The newest sidecar; undefined when there is none. */
export async function readSidecar(
  blobs: Blobs,
  tenant: string,
  asset: string,
  revision: number,
): Promise<Sidecar | undefined> {
  const bytes = revision === 0 ? undefined : await blobs.getNamed(tenant, sidecarName(asset, revision));
  return bytes === undefined ? undefined : (JSON.parse(Buffer.from(bytes).toString()) as Sidecar);
}

/** Ends jobs whose steps are all final: writes the sidecar and the asset. Idempotent; a crash in the middle is taken up by the next sweep. */
export class Settlement {
  readonly #parts: SettlementParts;
  readonly #running = new Map<string, Promise<void>>();

  constructor(parts: SettlementParts) {
    this.#parts = parts;
  }

  add(job: Job): void {
    if (this.#running.has(job.id)) return;
    const run = this.#settle(job)
      .catch((reason: unknown) =>
        this.#parts.log.error({ err: reason, job: job.id }, "a job could not be settled just now"),
      )
      .finally(() => this.#running.delete(job.id));
    this.#running.set(job.id, run);
  }

  async drained(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  async #settle(job: Job): Promise<void> {
    const { store, trace, estimates } = this.#parts;
    const startMs = Date.now();
    let revision = 0;
    let error: HeimdexError | undefined;
    if (job.state === "SUCCEEDED" || job.state === "PARTIAL") {
      try {
        revision = await this.#writeSidecar(job);
        trace.own(job, {
          name: "sidecar",
          spanId: newSpanId(),
          parentId: "",
          startMs,
          durationMs: Date.now() - startMs,
          attributes: { revision: String(revision) },
        });
      } catch (reason) {
        error = HeimdexError.from(reason);
        if (error.id !== "SIDECAR_INVALID") throw reason;
      }
    }
    estimates.learn(job);
    const endMs = Date.now();
    trace.own(job, {
      name: `job ${basename(decodeURIComponent(job.sourceUri))}`,
      spanId: job.rootSpanId,
      parentId: job.parentSpanId,
      startMs: job.createdAtMs,
      durationMs: endMs - job.createdAtMs,
      attributes: { job: job.id, asset: job.asset, state: job.state },
      ...(job.state === "FAILED" ? { error: job.reason } : {}),
    });
    await trace.flush(job.id);
    await store.apply(job.id, {
      kind: "settled",
      atMs: endMs,
      sidecarRevision: revision,
      ...(error === undefined ? {} : { reason: `${error.id}: ${error.message}`, help: error.help }),
    });
    if (revision > 0) this.#parts.onSidecar(job.asset);
  }

  /** Writes the next revision, unless nothing is new, and the asset that names it. Returns the revision that holds. */
  async #writeSidecar(job: Job): Promise<number> {
    const { catalog, blobs } = this.#parts;
    const values = await this.#values(job);
    for (;;) {
      const stored = await catalog.get<AssetRecord>("assets", job.asset);
      const asset = await this.#asset(job, stored?.body, values);
      const previous = await readSidecar(blobs, job.tenant, job.asset, asset.sidecarRevision);
      const next = buildSidecar(job, asset, values, previous, Date.now());
      const unchanged = previous !== undefined && sameContent(previous, next);
      const revision = unchanged ? asset.sidecarRevision : next.revision;
      if (!unchanged) {
        const checked = sidecarSchema.safeParse(next);
        if (!checked.success) {
          const issue = checked.error.issues[0];
          throw new HeimdexError(
            "SIDECAR_INVALID",
            `the sidecar of ${job.asset} does not fit its schema at /${(issue?.path ?? []).join("/")}: ${issue?.message}`,
            { metadata: { asset: job.asset, job: job.id } },
          );
        }
        await blobs.putNamed(
          job.tenant,
          sidecarName(job.asset, revision),
          Buffer.from(`${JSON.stringify(next, undefined, 1)}\n`),
        );
      }
      const body: AssetRecord = {
        ...asset,
        sidecarRevision: revision,
        latestJob: job.id,
        traceId: job.traceId,
        rootSpanId: job.rootSpanId,
      };
      if (await this.#writeAsset(body, stored)) return revision;
    }
  }

  async #writeAsset(body: AssetRecord, stored: Document | undefined): Promise<boolean> {
    const terms = [`tenant:${body.tenant}`, ...(body.indexedRevision < body.sidecarRevision ? ["indexing"] : [])];
    const common = {
      collection: "assets",
      id: body.id,
      terms,
      sort: `${body.createdAtMs}`.padStart(16, "0"),
      body,
    } as const;
    const [result] = await this.#parts.catalog.write([
      stored === undefined ? { op: "insert", ...common } : { op: "replace", version: stored.version, ...common },
    ]);
    return result?.ok === true;
  }

  async #asset(job: Job, known: AssetRecord | undefined, values: StepValues): Promise<AssetRecord> {
    const source = (await this.#parts.catalog.get<SourceRecord>("sources", sourceId(job.tenant, job.sourceUri)))?.body;
    const own = {
      uri: job.sourceUri,
      size: job.sourceSize,
      modifiedMs: source?.modifiedMs ?? job.sourceModifiedMs,
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
      title: media?.tags?.title ?? known?.title ?? basename(sourcePath(job.sourceUri)),
      durationMs: media?.duration_ms ?? known?.durationMs ?? 0,
      sources: [own, ...(known?.sources ?? []).filter((other) => other.uri !== own.uri)].sort((a, b) =>
        a.uri < b.uri ? -1 : 1,
      ),
      sidecarRevision: known?.sidecarRevision ?? 0,
      indexedRevision: known?.indexedRevision ?? 0,
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
