import { HeimdexError } from "@heimdex/errors";
import type { AssetRecord } from "@heimdex/kernel";
import type { AssetRows, Blobs, Catalog, MomentIndex } from "@heimdex/ports";
import { type Log, newSpanId } from "@heimdex/telemetry";
import { sidecarRows } from "./index-rows.ts";
import type { JobTrace } from "./job-trace.ts";
import { readSidecar } from "./settlement.ts";

/** Assets that go into one write of the index. */
const BATCH = 500;

export interface IndexerParts {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  readonly index: MomentIndex;
  readonly trace: JobTrace;
  readonly log: Log;
  /** An asset's newest sidecar answers searches now. */
  readonly onIndexed: (asset: AssetRecord) => void;
}

/** Brings sidecars into the search index. Idempotent by (asset, revision); what is on its way at a crash is found again by its term in the catalog. */
export class Indexer {
  readonly #parts: IndexerParts;
  readonly #queue = new Set<string>();
  #running: Promise<void> = Promise.resolve();
  #busy = false;
  #closed = false;

  constructor(parts: IndexerParts) {
    this.#parts = parts;
  }

  add(asset: string): void {
    this.#queue.add(asset);
    if (this.#busy || this.#closed) return;
    this.#busy = true;
    this.#running = this.#run().finally(() => {
      this.#busy = false;
    });
  }

  /** Ends after the batch under way; the rest is in the catalog. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  /** Empties the index and fills it from the newest sidecars alone. */
  async rebuild(tenant: string): Promise<{ assets: number; moments: number; failures: string[] }> {
    const { catalog, index } = this.#parts;
    await this.#running;
    await index.clear();
    const result = { assets: 0, moments: 0, failures: [] as string[] };
    let after: { id: string } | undefined;
    for (;;) {
      const page = await catalog.find<AssetRecord>({
        collection: "assets",
        term: `tenant:${tenant}`,
        limit: BATCH,
        ...(after === undefined ? {} : { after }),
      });
      const rows: AssetRows[] = [];
      for (const { body } of page) {
        if (body.sidecarRevision === 0) continue;
        try {
          rows.push(await this.#read(body));
        } catch (reason) {
          result.failures.push(`${body.id} (${body.title}): ${HeimdexError.from(reason).message}`);
        }
      }
      await index.replaceAssets(rows);
      result.assets += rows.length;
      result.moments += rows.reduce((sum, asset) => sum + asset.rows.length, 0);
      const last = page.at(-1);
      if (last === undefined || page.length < BATCH) return result;
      after = { id: last.id };
    }
  }

  async #run(): Promise<void> {
    while (this.#queue.size > 0 && !this.#closed) {
      const batch = [...this.#queue].slice(0, BATCH);
      for (const asset of batch) this.#queue.delete(asset);
      try {
        await this.#index(batch);
      } catch (reason) {
        // The assets keep their term; the next sweep brings them again.
        this.#parts.log.error({ err: reason, assets: batch.length }, "assets could not be indexed just now");
      }
    }
  }

  async #index(ids: readonly string[]): Promise<void> {
    const { catalog, index, trace } = this.#parts;
    const startMs = Date.now();
    const assets = (await catalog.getMany<AssetRecord>("assets", ids)).flatMap((found) =>
      found === undefined ? [] : [found.body],
    );
    const rows: AssetRows[] = [];
    for (const asset of assets) {
      if (asset.indexedRevision < asset.sidecarRevision) rows.push(await this.#read(asset));
    }
    await index.replaceAssets(rows);
    for (const { asset, revision, rows: moments } of rows) {
      const record = await this.#mark(asset, revision);
      if (record === undefined) continue;
      trace.own(
        { id: record.latestJob, traceId: record.traceId, rootSpanId: record.rootSpanId },
        {
          name: "index",
          spanId: newSpanId(),
          parentId: "",
          startMs,
          durationMs: Date.now() - startMs,
          attributes: { revision: String(revision), moments: String(moments.length) },
        },
      );
      await trace.flush(record.latestJob);
      this.#parts.onIndexed(record);
    }
  }

  async #read(asset: AssetRecord): Promise<AssetRows> {
    const sidecar = await readSidecar(this.#parts.blobs, asset.tenant, asset.id, asset.sidecarRevision);
    if (sidecar === undefined) {
      throw new HeimdexError(
        "SIDECAR_NOT_FOUND",
        `revision ${asset.sidecarRevision} of the sidecar of ${asset.id} is gone`,
        { metadata: { asset: asset.id }, help: "Index the asset again." },
      );
    }
    return {
      tenant: asset.tenant,
      asset: asset.id,
      revision: asset.sidecarRevision,
      rows: await sidecarRows(this.#parts.blobs, asset.tenant, sidecar),
    };
  }

  /** Notes which revision can be found. Undefined when a newer one has come meanwhile. */
  async #mark(id: string, revision: number): Promise<AssetRecord | undefined> {
    for (;;) {
      const stored = await this.#parts.catalog.get<AssetRecord>("assets", id);
      if (stored === undefined || stored.body.indexedRevision >= revision) return undefined;
      const body: AssetRecord = { ...stored.body, indexedRevision: revision };
      const terms = [`tenant:${body.tenant}`, ...(revision < body.sidecarRevision ? ["indexing"] : [])];
      const [result] = await this.#parts.catalog.write([
        { op: "replace", collection: "assets", id, version: stored.version, terms, sort: stored.sort, body },
      ]);
      if (result?.ok === true) return body;
    }
  }
}
