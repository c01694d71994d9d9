import { HeimdexError } from "@heimdex/errors";
import type { AssetRecord, AssetSpaces } from "@heimdex/kernel";
import type { AssetRows, Blobs, Catalog, Document, MomentRow } from "@heimdex/ports";
import type { MomentOptions } from "@heimdex/search";
import type { Sidecar } from "@heimdex/sidecar";
import { type Log, newSpanId } from "@heimdex/telemetry";
import { writeAsset } from "./asset-document.ts";
import { customKinds, followMarkings } from "./custom-markings.ts";
import { customValuesOf } from "./custom-values.ts";
import { sidecarRows } from "./index-rows.ts";
import type { IndexWriter } from "./index-writer.ts";
import type { JobTrace } from "./job-trace.ts";
import type { Outbox } from "./outbox.ts";
import { isPassing } from "./passing.ts";
import { Retries } from "./retries.ts";
import { readSidecar } from "./sidecar-revision.ts";
import { assetSpaces, type Spaces, withSpaces } from "./spaces.ts";
import type { StageRegistry } from "./stage-registry.ts";

/** Assets that go into one write of the index. */
const BATCH = 500;

export interface IndexerParts {
  readonly catalog: Catalog;
  readonly blobs: Blobs;
  readonly index: IndexWriter;
  readonly registry: StageRegistry;
  readonly spaces: Spaces;
  readonly trace: JobTrace;
  readonly outbox: Outbox;
  readonly log: Log;
  /** Whether the index is this replica's to write: one writes it at a time. */
  readonly isMine: () => boolean;
  /** A new sidecar is to be indexed elsewhere. */
  readonly onElsewhere: (asset: string) => void;
  /** An asset's newest sidecar answers searches now. */
  readonly onIndexed: (asset: AssetRecord) => void;
}

/** Brings sidecars into the search index. Idempotent by (asset, revision); what is on its way at a crash is found again by its term in the catalog. */
export class Indexer {
  readonly #parts: IndexerParts;
  readonly #queue = new Set<string>();
  readonly #retries = new Retries();
  /** Tail of what writes into the index: one at a time. */
  #tail: Promise<unknown> = Promise.resolve();
  #busy = false;
  #closed = false;

  constructor(parts: IndexerParts) {
    this.#parts = parts;
  }

  add(asset: string): void {
    if (!this.#parts.isMine()) {
      this.#parts.onElsewhere(asset);
      return;
    }
    this.#queue.add(asset);
    this.#start();
  }

  /** Another replica writes the index from now on; it finds in the catalog what is left. */
  clear(): void {
    this.#queue.clear();
  }

  #start(): void {
    if (this.#busy || this.#closed || this.#queue.size === 0) return;
    this.#busy = true;
    this.#alone(() => this.#run()).finally(() => {
      this.#busy = false;
      this.#start();
    });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#tail.then(work);
    this.#tail = run.catch(() => {}); // whoever asked for it hears of it
    return run;
  }

  /** Ends after the batch under way; the rest is in the catalog. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#retries[Symbol.dispose]();
    await this.#tail;
  }

  /** Resolves once all that was added before has been tried. */
  async idle(): Promise<void> {
    await this.#tail;
  }

  /** Moves embedding spaces on that come or go, and follows what stages mark to be searched. */
  async tend(): Promise<void> {
    if (this.#closed || !this.#parts.isMine()) return;
    const { catalog, registry, spaces, log } = this.#parts;
    const again = await this.#alone(async () => {
      const marked = await followMarkings(catalog, await registry.list());
      if (marked.length > 0)
        log.info({ assets: marked.length }, "a layer is searched in another way: indexing it again");
      return [...marked, ...(await spaces.tend())];
    });
    for (const asset of again) this.add(asset);
  }

  /** Empties the index and fills it from the newest sidecars alone: of all tenants, since there is one index. The counts are of the caller's. */
  async rebuild(tenant: string): Promise<{ assets: number; moments: number; failures: string[] }> {
    return this.#alone(() => this.#parts.index.refill(() => this.#fill(tenant)));
  }

  async #fill(tenant: string): Promise<{ assets: number; moments: number; failures: string[] }> {
    const { catalog } = this.#parts;
    const result = { assets: 0, moments: 0, failures: [] as string[] };
    let after: { id: string } | undefined;
    for (;;) {
      const page = await catalog.find<AssetRecord>({
        collection: "assets",
        limit: BATCH,
        ...(after === undefined ? {} : { after }),
      });
      const assets = page.map(({ body }) => body).filter((asset) => asset.sidecarRevision > 0);
      const { stored, failed } = await this.#store(assets);
      for (const { asset, rows } of stored) {
        if (asset.tenant !== tenant) continue;
        result.assets++;
        result.moments += rows.length;
      }
      for (const { asset, error } of failed)
        if (asset.tenant === tenant) result.failures.push(`${asset.id} (${asset.title}): ${error.message}`);
      const last = page.at(-1);
      if (last === undefined || page.length < BATCH) break;
      after = { id: last.id };
    }
    return result;
  }

  async #run(): Promise<void> {
    while (this.#queue.size > 0 && !this.#closed && this.#parts.isMine()) {
      const batch = [...this.#queue].slice(0, BATCH);
      for (const asset of batch) this.#queue.delete(asset);
      try {
        await this.#index(batch);
      } catch (reason) {
        if (!this.#parts.isMine()) return; // whoever has the index finds them
        this.#parts.log.error({ err: reason, assets: batch.length }, "assets could not be indexed just now");
        for (const asset of batch) this.#retries.failed(asset, () => this.add(asset));
      }
    }
    const { spaces, log } = this.#parts;
    if (!spaces.isFilling || !this.#parts.isMine()) return;
    try {
      for (const asset of await spaces.tend()) this.#queue.add(asset);
    } catch (reason) {
      log.error({ err: reason }, "embedding spaces could not be moved on just now"); // the healing sweep does
    }
  }

  async #index(ids: readonly string[]): Promise<void> {
    const startMs = Date.now();
    const found = await this.#parts.catalog.getMany<AssetRecord>("assets", ids);
    const due = found.flatMap((asset) =>
      asset !== undefined && asset.body.indexedRevision < asset.body.sidecarRevision ? [asset] : [],
    );
    const asRead = new Map(due.map((asset) => [asset.id, asset]));
    const { stored, failed } = await this.#store(due.map(({ body }) => body));
    // Side by side: their writes share transactions of the catalog.
    await Promise.all(
      stored.map(({ asset, rows, ...its }) => {
        this.#retries.done(asset.id);
        return this.#note(asRead.get(asset.id) as Document<AssetRecord>, its, rows.length, startMs);
      }),
    );
    for (const { asset, error } of failed) {
      this.#parts.log.error({ err: error, asset: asset.id, title: asset.title }, "an asset could not be indexed");
      this.#retries.failed(asset.id, () => this.add(asset.id));
    }
  }

  /** Puts the rows of assets into the index with one write; when that is refused, asset by asset, so that one at fault holds up nobody else. */
  async #store(assets: readonly AssetRecord[]): Promise<Stored> {
    const { registry } = this.#parts;
    const result: Stored = { stored: [], failed: [] };
    const options = { custom: customValuesOf(await registry.list()) };
    const read: Read[] = [];
    for (const asset of assets) {
      try {
        read.push({ asset, sidecar: await this.#read(asset) });
      } catch (reason) {
        result.failed.push({ asset, error: HeimdexError.from(reason) });
      }
    }
    for (const [tenant, own] of Map.groupBy(read, ({ asset }) => asset.tenant))
      await this.#storeTenant(tenant, own, options, result);
    return result;
  }

  async #storeTenant(tenant: string, read: readonly Read[], options: MomentOptions, result: Stored): Promise<void> {
    const { blobs, index, spaces } = this.#parts;
    await spaces.see(
      tenant,
      read.map(({ sidecar }) => sidecar),
    );
    const indexed = await spaces.indexed(tenant);
    const batch: (Read & { rows: AssetRows })[] = [];
    for (const { asset, sidecar } of read) {
      try {
        const rows = await sidecarRows(blobs, tenant, withSpaces(sidecar, indexed), options);
        batch.push({ asset, sidecar, rows: { tenant, asset: asset.id, revision: asset.sidecarRevision, rows } });
      } catch (reason) {
        result.failed.push({ asset, error: HeimdexError.from(reason) });
      }
    }
    const whole = await attempt(() => index.replaceAssets(batch.map(({ rows }) => rows)));
    if (whole !== undefined && isPassing(whole)) throw whole;
    for (const { asset, sidecar, rows } of batch) {
      const error = whole === undefined ? undefined : await attempt(() => index.replaceAssets([rows]));
      if (error === undefined)
        result.stored.push({ asset, rows: rows.rows, spaces: assetSpaces(sidecar), layers: customKinds(sidecar) });
      else result.failed.push({ asset, error });
    }
    await spaces.wrote(tenant, indexed);
  }

  /** Says that an asset can be found. Where it was changed since it was read it is indexed once more, as it is now: this process may have been stopped meanwhile. */
  async #note(
    read: Document<AssetRecord>,
    its: Pick<AssetRecord, "spaces" | "layers">,
    moments: number,
    startMs: number,
  ): Promise<void> {
    const { catalog, index, trace, outbox, onIndexed } = this.#parts;
    const { id, tenant, sidecarRevision: revision } = read.body;
    const toTell = outbox.isOpen ? { toTellMs: Date.now() } : {};
    const noted = { ...read.body, ...its, ...toTell, indexedRevision: revision };
    if (!(await writeAsset(catalog, noted, read))) {
      // Deleted while it was being indexed: its rows must go too.
      if ((await catalog.get("assets", id)) === undefined) await index.removeAssets(tenant, [id]);
      else this.add(id);
      return;
    }
    const { latestJob, traceId, rootSpanId } = noted;
    trace.own(
      { id: latestJob, traceId, rootSpanId },
      {
        name: "index",
        spanId: newSpanId(),
        parentId: "",
        startMs,
        durationMs: Date.now() - startMs,
        attributes: { revision: String(revision), moments: String(moments) },
      },
    );
    await trace.flush(latestJob);
    outbox.assetIndexed(noted);
    onIndexed(noted);
  }

  async #read(asset: AssetRecord): Promise<Sidecar> {
    const sidecar = await readSidecar(this.#parts.blobs, asset.tenant, asset.id, asset.sidecarRevision);
    if (sidecar !== undefined) return sidecar;
    throw new HeimdexError(
      "SIDECAR_NOT_FOUND",
      `revision ${asset.sidecarRevision} of the sidecar of ${asset.id} is gone`,
      {
        metadata: { asset: asset.id },
        help: "Index the asset again.",
      },
    );
  }
}

interface Read {
  readonly asset: AssetRecord;
  readonly sidecar: Sidecar;
}

interface Stored {
  readonly stored: {
    readonly asset: AssetRecord;
    readonly rows: readonly MomentRow[];
    readonly spaces: AssetSpaces;
    readonly layers: readonly string[];
  }[];
  readonly failed: { readonly asset: AssetRecord; readonly error: HeimdexError }[];
}

async function attempt(work: () => Promise<void>): Promise<HeimdexError | undefined> {
  try {
    await work();
    return undefined;
  } catch (reason) {
    return HeimdexError.from(reason);
  }
}
