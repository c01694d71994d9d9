import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { HeimdexError } from "@heimdex/errors";
import type { AssetRows, MomentFilter, MomentIndex, MomentList, Scored, TextField } from "@heimdex/ports";
import type { Table as LanceTable } from "@lancedb/lancedb";
import type { FencedTable } from "./fenced-table.ts";
import { inList, literal } from "./filter-sql.ts";
import { lanceError } from "./lance-error.ts";
import { formatOf, LanceStore } from "./lance-store.ts";
import type { Ledger } from "./ledger.ts";
import { native } from "./native.ts";
import { type LanceOptions, type ResolvedOptions, resolveOptions } from "./options.ts";
import { markerBatch, rowBatch, spaceDimensions } from "./row-batch.ts";
import { Serial } from "./serial.ts";
import type { Snapshot } from "./snapshot.ts";
import { newWriter, type Space, spaceColumn } from "./table-schema.ts";

/** Moments merged in one commit: bounds memory when a caller hands over very much at once. Assets are never split. */
const ROWS_PER_COMMIT = 16_384;

/** MomentIndex on LanceDB, in a folder or an object store. Nothing native is loaded, and nothing read, before the first call that needs it.
 *
 * I1: one write runs at a time in this process; it ends with a new snapshot. Reads go on beside it, on the snapshot before.
 * I2: an asset's moments and its marker (revision, totals) change in one commit. */
export class LanceMomentIndex implements MomentIndex {
  readonly format: string;
  readonly writer = newWriter();
  readonly #options: ResolvedOptions;
  readonly #writes = new Serial();
  readonly #reads = new Set<Promise<unknown>>();
  #store: Promise<LanceStore> | undefined;
  #snapshot: Promise<Snapshot> | undefined;
  #writing = false;
  #hasFenced = false;
  #closed = false;

  private constructor(options: ResolvedOptions) {
    this.#options = options;
    this.format = formatOf(options);
  }

  /** @param location a folder (created), a file:// URL or an object store's URI such as s3://bucket/prefix. */
  static async open(location: string, options: LanceOptions = {}): Promise<LanceMomentIndex> {
    return new LanceMomentIndex(await resolveOptions(location, options));
  }

  fence(): Promise<string> {
    return this.#alone("fencing others out", async (_, table) => {
      const before = await table.fence();
      this.#hasFenced = true;
      return before;
    });
  }

  replaceAssets(batch: readonly AssetRows[]): Promise<void> {
    return this.#write("replacing assets", async (store, table) => {
      const { ledger } = await this.#latest(store, table.table);
      const newest = new Map<string, AssetRows>();
      for (const asset of batch) {
        const key = JSON.stringify([asset.tenant, asset.asset]);
        const stored = ledger.asset(asset.tenant, asset.asset)?.revision ?? 0;
        if (asset.revision >= Math.max(stored, newest.get(key)?.revision ?? 0)) newest.set(key, asset);
      }
      const dimensions = spaceDimensions([...newest.values()]);
      await this.#addSpaces(store, table, dimensions);
      for (const part of parts([...newest.values()])) await this.#merge(store, table, part);
    });
  }

  removeAssets(tenant: string, assets: readonly string[]): Promise<void> {
    return this.#write("removing assets", async (store, table) => {
      const before = await this.#latest(store, table.table);
      const known = assets.filter((asset) => before.ledger.asset(tenant, asset) !== undefined);
      if (known.length === 0) return;
      // Moments and markers alike, in one commit.
      const version = await table.delete(`tenant = ${literal(tenant)} AND ${inList("asset", known)}`);
      await this.#advance(store, table, before, version, before.ledger.without(tenant, known));
    });
  }

  searchText(field: TextField, terms: readonly string[], filter: MomentFilter, limit: number): Promise<Scored[]> {
    return this.#read("searching text", (snapshot) => snapshot.searchText(field, terms, filter, limit));
  }

  searchVector(space: string, vector: Float32Array, filter: MomentFilter, limit: number): Promise<Scored[]> {
    return this.#read("searching vectors", (snapshot) => snapshot.searchVector(space, vector, filter, limit));
  }

  list(filter: MomentFilter, from: number, limit: number): Promise<MomentList> {
    return this.#read("listing moments", (snapshot) => snapshot.list(filter, from, limit));
  }

  vectorsOf(
    space: string,
    ids: readonly string[],
    tenant: string,
  ): Promise<ReadonlyMap<string, readonly Float32Array[]>> {
    return this.#read("reading vectors", (snapshot) => snapshot.vectorsOf(space, ids, tenant));
  }

  /** In two commits, vectors before totals: cut off in between, the totals still name the space, and whoever asks for the rest drops it again. */
  dropSpace(tenant: string, space: string): Promise<void> {
    return this.#write("dropping a space", async (store, table) => {
      let before = await this.#latest(store, table.table);
      const column = before.spaces.get(space)?.column;
      if (column !== undefined) {
        if (before.ledger.usedSpaces(tenant).has(space))
          await table.empty(column, `tenant = ${literal(tenant)} AND ${column} IS NOT NULL`);
        else await table.dropColumns([column]);
        this.#snapshot = store.snapshot(table.table);
        before = await this.#snapshot;
      }
      const totals = before.ledger.withoutSpace(tenant, space);
      if (totals.size === 0) return;
      const markers = markerBatch(native().arrow, tenant, totals, before.spaces, table.writer);
      const version = await table.update(markers);
      await this.#advance(store, table, before, version, before.ledger.with(new Map([[tenant, totals]])));
    });
  }

  documentFrequencies(
    field: TextField,
    terms: readonly string[],
    tenant: string,
  ): Promise<ReadonlyMap<string, number>> {
    return this.#read("counting words", (snapshot) => snapshot.documentFrequencies(field, terms, tenant));
  }

  async stats(tenant: string): Promise<{
    readonly rows: number;
    readonly assets: number;
    readonly spaces: ReadonlyMap<string, number>;
    readonly bytes: number;
  }> {
    return this.#read("counting rows", async ({ ledger }) => ({ ...ledger.stats(tenant), bytes: await this.#bytes() }));
  }

  revisions(tenant: string, assets: readonly string[]): Promise<ReadonlyMap<string, number>> {
    return this.#read(
      "reading revisions",
      async ({ ledger }) => new Map(assets.map((asset) => [asset, ledger.asset(tenant, asset)?.revision ?? 0])),
    );
  }

  async clear(): Promise<void> {
    this.#throwIfClosed();
    return this.#writes.run(async () => {
      if (this.#hasFenced && (await this.#isFencedOut())) throw fencedOut("emptying it");
      const before = this.#store;
      try {
        this.#store = LanceStore.create(this.#options, this.writer);
        const store = await this.#store;
        this.#hasFenced = true;
        const table = await store.toWrite(this.writer);
        await table.optimize({ cleanupOlderThan: new Date(Date.now() - this.#options.retainMs) });
        await store.table.checkoutLatest();
        this.#snapshot = store.snapshot(table.table);
        await this.#snapshot;
      } catch (reason) {
        this.#forget();
        throw lanceError(reason, "emptying it");
      } finally {
        await before?.then(
          (store) => store.close(),
          () => undefined, // It could not be opened: that is what clearing is for.
        );
      }
    });
  }

  optimize(): Promise<void> {
    return this.#write("tidying up", async (store, table) => {
      const { ledger, spaces } = await this.#latest(store, table.table);
      const used = ledger.usedSpaces();
      const unused = [...spaces].filter(([space]) => !used.has(space)).map(([, { column }]) => column);
      if (unused.length > 0) await table.dropColumns(unused);
      await store.dropOthers();
      await table.optimize({ cleanupOlderThan: new Date(Date.now() - this.#options.retainMs) });
      await this.#latest(store, table.table);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#writes.idle();
    await Promise.allSettled(this.#reads);
    const [store, snapshot] = await Promise.allSettled([this.#store, this.#snapshot]);
    this.#forget();
    if (snapshot.status === "fulfilled") snapshot.value?.close();
    if (store.status === "fulfilled") await store.value?.close();
  }

  /** Adds a column for each space seen first. A commit of its own, which readers do not notice: the column is empty. */
  async #addSpaces(store: LanceStore, table: FencedTable, dimensions: ReadonlyMap<string, number>): Promise<void> {
    const { spaces } = await this.#latest(store, table.table);
    const added: Space[] = [];
    for (const [space, dimension] of dimensions) {
      const known = spaces.get(space);
      if (known === undefined) added.push({ column: spaceColumn(space), dimension });
      else if (known.dimension !== dimension)
        throw new HeimdexError(
          "INVALID_ARGUMENT",
          `Index: space ${space} has ${known.dimension} dimensions, not ${dimension}`,
        );
    }
    if (added.length === 0) return;
    await table.addSpaces(added);
    this.#snapshot = store.snapshot(table.table);
    await this.#snapshot;
  }

  async #merge(store: LanceStore, table: FencedTable, part: readonly AssetRows[]): Promise<void> {
    const before = await this.#latest(store, table.table);
    const { analyze } = this.#options;
    const { table: rows, totals } = await rowBatch(native().arrow, part, before.spaces, table.writer, analyze);
    const replaced = [...totals].map(
      ([tenant, assets]) => `(tenant = ${literal(tenant)} AND ${inList("asset", [...assets.keys()])})`,
    );
    const version = await table.replace(rows, replaced.join(" OR "));
    await this.#advance(store, table, before, version, before.ledger.with(totals));
  }

  /** The snapshot after a commit of ours. When another process committed in between, the totals are read again instead of reckoned on. */
  async #advance(
    store: LanceStore,
    table: FencedTable,
    before: Snapshot,
    version: number,
    ledger: Ledger,
  ): Promise<void> {
    this.#snapshot =
      version === before.version + 1
        ? store.at(version).then((pinned) => store.snapshotOf(version, pinned, before.spaces, ledger))
        : store.snapshot(table.table);
    await this.#snapshot;
  }

  /** I3: no statement is made but as the writer that has fenced the others out. A process that never did so does it with its first. */
  async #write(doing: string, task: (store: LanceStore, table: FencedTable) => Promise<void>): Promise<void> {
    return this.#alone(doing, async (store, table) => {
      await table.follow();
      if (!this.#hasFenced) {
        await table.fence();
        this.#hasFenced = true;
      } else if (!(await table.isOurs())) throw fencedOut(doing);
      await task(store, table);
      await store.table.checkoutLatest(); // what was written is found at once
    });
  }

  async #alone<T>(doing: string, task: (store: LanceStore, table: FencedTable) => Promise<T>): Promise<T> {
    this.#throwIfClosed();
    return this.#writes.run(async () => {
      try {
        const store = await this.#open();
        this.#writing = true;
        return await task(store, await store.toWrite(this.writer));
      } catch (reason) {
        if (reason instanceof HeimdexError) throw reason;
        // What was committed is not known: the next call reads it.
        this.#snapshot = undefined;
        throw this.#hasFenced && (await this.#isFencedOut()) ? fencedOut(doing, reason) : lanceError(reason, doing);
      } finally {
        this.#writing = false;
      }
    });
  }

  /** False, too, where it cannot be read. */
  async #isFencedOut(): Promise<boolean> {
    try {
      const table = await (await this.#open()).toWrite(this.writer);
      await table.follow();
      return !(await table.isOurs());
    } catch {
      return false;
    }
  }

  async #read<T>(doing: string, task: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    this.#throwIfClosed();
    const result = this.#attempt(task);
    this.#reads.add(result);
    try {
      return await result;
    } catch (reason) {
      throw lanceError(reason, doing);
    } finally {
      this.#reads.delete(result);
    }
  }

  async #attempt<T>(task: (snapshot: Snapshot) => Promise<T>): Promise<T> {
    let snapshot: Snapshot | undefined;
    try {
      const store = await this.#open();
      // While this process writes, the snapshot before it is the newest whole one.
      snapshot = (this.#writing ? await this.#snapshot : undefined) ?? (await this.#latest(store));
      return await task(snapshot);
    } catch (reason) {
      if (reason instanceof HeimdexError) throw reason;
      // The version may have been removed under a search that took longer than `retainMs`, or by `clear`: once more, on what there is now.
      const now = await this.#latest(await this.#open());
      if (now === snapshot) throw reason;
      return await task(now);
    }
  }

  async #latest(store: LanceStore, table: LanceTable = store.table): Promise<Snapshot> {
    const held = this.#snapshot;
    const snapshot = await held;
    if (snapshot !== undefined && snapshot.version === (await table.version())) return snapshot;
    // Of several calls that find it outdated, the first reads, the others wait for it.
    if (this.#snapshot === held) {
      const fresh = store.snapshot(table);
      this.#snapshot = fresh;
      fresh.catch(() => {
        if (this.#snapshot === fresh) this.#snapshot = undefined;
      });
    }
    return (await this.#snapshot) ?? this.#latest(store, table);
  }

  /** Opens the store at first use; a failed attempt is made again at the next call. */
  async #open(): Promise<LanceStore> {
    const opening = this.#store ?? LanceStore.open(this.#options);
    this.#store = opening;
    try {
      return await opening;
    } catch (reason) {
      if (this.#store === opening) this.#store = undefined;
      throw reason;
    }
  }

  #forget(): void {
    this.#store = undefined;
    this.#snapshot = undefined;
  }

  #throwIfClosed(): void {
    if (this.#closed) throw new HeimdexError("INDEX_CLOSED", "The search index is closed");
  }

  /** Bytes of all versions still there: files of a folder; of an object store, what the newest version refers to. */
  async #bytes(): Promise<number> {
    const { folder } = this.#options;
    if (folder === undefined) return (await (await this.#open()).table.stats()).totalBytes;
    return sizeOf(folder);
  }
}

/** Bytes of a file or of all files below a folder; 0 for what is gone by now, as `optimize` removes files meanwhile. */
async function sizeOf(path: string): Promise<number> {
  try {
    const entry = await stat(path);
    if (!entry.isDirectory()) return entry.size;
    const sizes = await Promise.all((await readdir(path)).map((name) => sizeOf(join(path, name))));
    return sizes.reduce((sum, size) => sum + size, 0);
  } catch (reason) {
    if ((reason as NodeJS.ErrnoException).code === "ENOENT") return 0;
    throw reason;
  }
}

function fencedOut(doing: string, cause?: unknown): HeimdexError {
  return new HeimdexError("INDEX_FENCED", `Another process writes the search index now: ${doing}`, { cause });
}

function* parts(assets: readonly AssetRows[]): Generator<AssetRows[]> {
  let part: AssetRows[] = [];
  let rows = 0;
  for (const asset of assets) {
    if (part.length > 0 && rows + asset.rows.length > ROWS_PER_COMMIT) {
      yield part;
      part = [];
      rows = 0;
    }
    part.push(asset);
    rows += asset.rows.length;
  }
  if (part.length > 0) yield part;
}
