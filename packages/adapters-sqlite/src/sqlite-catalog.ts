import { resolve } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { HeimdexError } from "@heimdex/errors";
import {
  type Catalog,
  type Collection,
  checkFind,
  checkIds,
  checkTerm,
  checkWrites,
  type Document,
  type FindQuery,
  type WriteOp,
  type WriteResult,
} from "@heimdex/ports";
import { createFolderOf, prepareFile } from "./catalog-file.ts";
import { CatalogReader } from "./catalog-reader.ts";
import type { WorkerInput, WorkerReply, WorkerRequest } from "./catalog-worker.ts";
import { openReader } from "./connection.ts";
import { fromSqlite } from "./sqlite-error.ts";
import { type FlatOps, flatten } from "./write-ops.ts";

export interface SqliteCatalogOptions {
  /** How long a transaction waits for one of another process, ms; then its calls reject with CATALOG_UNAVAILABLE. Default 10 000. */
  readonly busyTimeoutMs?: number;
  /** Most bytes the file may take; writes beyond reject with DISK_FULL. Default: no limit but the disk. */
  readonly maxBytes?: number;
}

/** Documents read in one turn of the event loop before the next reader has to wait for the next turn: a loop over many pages, all in
 * microtasks, would otherwise let nothing else run. About 2 ms. */
const READS_PER_TURN = 128;

interface Waiting {
  readonly ops: number;
  readonly resolve: (results: WriteResult[]) => void;
  readonly reject: (error: HeimdexError) => void;
}

/** A Catalog in one SQLite file (WAL, synchronous FULL).
 * Writes go to one worker thread, which folds all that came during a transaction into the next: many callers share one sync to disk. Reads run
 * on the caller's thread on a connection of their own: in WAL mode they wait for nobody, and a document in the page cache costs less than a
 * message to another thread. They see every write that was answered. */
export class SqliteCatalog implements Catalog {
  readonly #file: string;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #reader: CatalogReader;
  /** Calls given to the worker or about to be, oldest first. */
  readonly #waiting: Waiting[] = [];
  /** What this turn of the event loop has gathered. */
  #counts: number[] = [];
  #ops: FlatOps = [];
  #writes = 0;
  #readsLeft = READS_PER_TURN;
  #closing: Promise<void> | undefined;
  /** Why nothing can be written any more. */
  #failure: HeimdexError | undefined;

  private constructor(file: string, worker: Worker, exited: Promise<void>, reader: CatalogReader) {
    this.#file = file;
    this.#worker = worker;
    this.#exited = exited;
    this.#reader = reader;
  }

  /** Opens the file, creating it and its folder.
   * @throws HeimdexError DATA_VERSION_NEWER, DISK_FULL, CATALOG_UNAVAILABLE (no catalog, damaged, not writable) */
  static async open(path: string, options: SqliteCatalogOptions = {}): Promise<SqliteCatalog> {
    const file = resolve(path);
    const busyTimeoutMs = options.busyTimeoutMs ?? 10_000;
    try {
      await createFolderOf(file);
    } catch (cause) {
      const error = HeimdexError.from(cause);
      if (error.id === "DISK_FULL") throw error;
      throw new HeimdexError("CATALOG_UNAVAILABLE", `the folder of the catalog ${file} cannot be made`, { cause });
    }
    try {
      prepareFile(file, busyTimeoutMs);
    } catch (error) {
      throw fromSqlite(error, file);
    }
    const workerData: WorkerInput = { file, busyTimeoutMs, maxBytes: options.maxBytes ?? 0 };
    const worker = new Worker(new URL("./catalog-worker.ts", import.meta.url), { workerData, execArgv: [] });
    const { promise: exited, resolve: onExit } = Promise.withResolvers<void>();
    worker.once("exit", () => onExit());
    const opened = Promise.withResolvers<WorkerReply>();
    worker.once("message", opened.resolve);
    worker.once("error", opened.reject);
    const first = await opened.promise.catch((error) => {
      throw fromSqlite(error, file);
    });
    if (first.kind === "refused") {
      await exited;
      throw fromSqlite(first.error, file);
    }
    let reader: CatalogReader;
    try {
      reader = new CatalogReader(openReader(file, busyTimeoutMs));
    } catch (error) {
      worker.postMessage("close" satisfies WorkerRequest);
      await exited;
      throw fromSqlite(error, file);
    }
    const catalog = new SqliteCatalog(file, worker, exited, reader);
    worker.off("error", opened.reject);
    worker.on("message", (reply: WorkerReply) => catalog.#answer(reply));
    worker.on("error", (cause) => catalog.#fail(cause));
    worker.on("exit", () => catalog.#fail(undefined));
    worker.unref();
    return catalog;
  }

  get writes(): number {
    return this.#writes;
  }

  async get<B>(collection: Collection, id: string): Promise<Document<B> | undefined> {
    checkIds(collection, [id]);
    return this.#read(1, (reader) => reader.get<B>(collection, id));
  }

  async getMany<B>(collection: Collection, ids: readonly string[]): Promise<(Document<B> | undefined)[]> {
    checkIds(collection, ids);
    return this.#read(ids.length, (reader) => ids.map((id) => reader.get<B>(collection, id)));
  }

  async find<B>(query: FindQuery): Promise<Document<B>[]> {
    checkFind(query);
    return this.#read(query.limit, (reader) => reader.find<B>(query));
  }

  async count(collection: Collection, term?: string): Promise<number> {
    checkTerm(collection, term);
    return this.#read(READS_PER_TURN, (reader) => reader.count(collection, term));
  }

  async write(ops: readonly WriteOp[]): Promise<WriteResult[]> {
    if (this.#closing !== undefined) throw this.#closed();
    if (this.#failure !== undefined) throw this.#failure;
    const bodies = checkWrites(ops);
    if (ops.length === 0) return [];
    if (this.#counts.length === 0) setImmediate(() => this.#send());
    flatten(ops, bodies, this.#ops);
    this.#counts.push(ops.length);
    // The worker keeps the process alive only while somebody waits for it.
    if (this.#waiting.length === 0) this.#worker.ref();
    const { promise, resolve, reject } = Promise.withResolvers<WriteResult[]>();
    this.#waiting.push({ ops: ops.length, resolve, reject });
    return promise;
  }

  /** Finishes the writes it has accepted. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#send();
    // The writer closes last: it is the one that can bring the WAL back into the file.
    this.#reader.close();
    this.#worker.ref();
    this.#worker.postMessage("close" satisfies WorkerRequest);
    await this.#exited;
  }

  /** @param weight how many documents it may take to answer */
  async #read<T>(weight: number, read: (reader: CatalogReader) => T): Promise<T> {
    while (this.#readsLeft <= 0 && this.#closing === undefined) await nextTurn();
    if (this.#closing !== undefined) throw this.#closed();
    if (this.#readsLeft === READS_PER_TURN) setImmediate(() => (this.#readsLeft = READS_PER_TURN));
    this.#readsLeft -= weight;
    try {
      return read(this.#reader);
    } catch (error) {
      throw fromSqlite(error, this.#file);
    }
  }

  #send(): void {
    if (this.#counts.length === 0) return;
    this.#worker.postMessage({ counts: this.#counts, ops: this.#ops } satisfies WorkerRequest);
    this.#counts = [];
    this.#ops = [];
  }

  #answer(reply: WorkerReply): void {
    if (reply.kind !== "done") return;
    const errors = new Map(reply.errors);
    let at = 0;
    for (const [call, waiting] of this.#waiting.splice(0, reply.calls).entries()) {
      const error = errors.get(call);
      if (error !== undefined) {
        waiting.reject(fromSqlite(error, this.#file));
        continue;
      }
      const results: WriteResult[] = [];
      for (let i = 0; i < waiting.ops; i++, at += 2) {
        const ok = reply.results[at] === 1;
        if (ok) this.#writes++;
        results.push({ ok, version: reply.results[at + 1] as number });
      }
      waiting.resolve(results);
    }
    if (this.#waiting.length === 0) this.#worker.unref();
  }

  /** The thread has ended. Unless it was asked to, what was under way may or may not have been stored. */
  #fail(cause: unknown): void {
    this.#failure ??= new HeimdexError(
      "CATALOG_UNAVAILABLE",
      `the thread that writes the catalog ${this.#file} has ended`,
      {
        cause,
      },
    );
    for (const waiting of this.#waiting.splice(0)) waiting.reject(this.#failure);
  }

  #closed(): HeimdexError {
    return new HeimdexError("CATALOG_CLOSED", `the catalog ${this.#file} is closed`);
  }
}
