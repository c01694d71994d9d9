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
import { type Db, MongoClient, type MongoClientOptions } from "mongodb";
import { findByIds } from "./find-by-ids.ts";
import { findSteps } from "./find-steps.ts";
import { prepareCollections } from "./indexes.ts";
import { fromMongo } from "./mongo-error.ts";
import { OpWriter } from "./op-writer.ts";
import { type Stored, toDocument } from "./stored.ts";

export interface MongoCatalogOptions {
  /** `mongodb://` or `mongodb+srv://`, with credentials and TLS as MongoDB's connection strings have them. */
  readonly url: string;
  /** Default "heimdex". It belongs to Heimdex alone. */
  readonly database?: string;
  /** Longest that one command may take, the search for a server and repetitions included, ms; then the call rejects with CATALOG_UNAVAILABLE.
   * Default 10 000. */
  readonly timeoutMs?: number;
  /** Most connections to each server. Default 50. */
  readonly maxConnections?: number;
}

/** A client that has had no answer for so many time-outs is replaced. */
const SILENT_TIMEOUTS = 3;

/** A Catalog in a MongoDB database: each collection is one of the server's, each document one of its documents, each operation a write of that one
 * document. Writes are answered when a majority of the replica set has them in its journal, reads see what a majority has; nothing else than
 * that is asked of the server: no transactions, change streams, TTL or partial indexes. */
export class MongoCatalog implements Catalog {
  /** Makes a client; its connections are made as they are needed. */
  readonly #connect: () => MongoClient;
  readonly #database: string;
  #client: MongoClient;
  /** When the server last answered, or the client was made; by `performance.now()`. */
  #answeredAtMs = performance.now();
  readonly #place: string;
  readonly #timeoutMs: number;
  readonly #writer: OpWriter;
  /** Calls that have not been answered. */
  readonly #running = new Set<Promise<unknown>>();
  #writes = 0;
  #closing: Promise<void> | undefined;

  private constructor(connect: () => MongoClient, database: string, timeoutMs: number) {
    this.#connect = connect;
    this.#database = database;
    const client = connect();
    this.#client = client;
    this.#place = `${client.options.hosts.join(",") || client.options.srvHost}/${database}`;
    this.#timeoutMs = timeoutMs;
    this.#writer = new OpWriter(() => this.#db, this.#send);
  }

  /** Connects, and creates the collections and indexes that are missing.
   * @throws HeimdexError CONFIG_INVALID (malformed URL), CATALOG_UNAVAILABLE (no server within the time-out, refused, no database of ours) */
  static async open(options: MongoCatalogOptions): Promise<MongoCatalog> {
    const { url, database = "heimdex", timeoutMs = 10_000, maxConnections = 50 } = options;
    const connect = () => createClient(url, timeoutMs, { maxPoolSize: maxConnections, socketTimeoutMS: timeoutMs });
    const catalog = new MongoCatalog(connect, database, timeoutMs);
    try {
      // Building an index over what is stored takes as long as it takes, so it gets connections that wait.
      await using patient = createClient(url, timeoutMs, { socketTimeoutMS: 0 });
      await prepareCollections(patient.db(database));
      await catalog.#client.connect();
    } catch (reason) {
      await catalog.#client.close();
      throw fromMongo(reason, catalog.#place);
    }
    return catalog;
  }

  get writes(): number {
    return this.#writes;
  }

  async get<B>(collection: Collection, id: string): Promise<Document<B> | undefined> {
    checkIds(collection, [id]);
    return this.#run(async () => {
      const found = await this.#send(() => this.#stored(collection).findOne({ _id: id }));
      return found === null ? undefined : toDocument<B>(found);
    });
  }

  async getMany<B>(collection: Collection, ids: readonly string[]): Promise<(Document<B> | undefined)[]> {
    checkIds(collection, ids);
    return this.#run(async () => {
      const read = await findByIds(this.#stored(collection), [...new Set(ids)], {}, this.#send);
      const found = new Map(read.map((stored) => [stored._id, stored]));
      // Each place gets a document of its own, also where an id is asked for twice.
      return ids.map((id) => {
        const stored = found.get(id);
        return stored === undefined ? undefined : toDocument<B>(stored);
      });
    });
  }

  async find<B>(query: FindQuery): Promise<Document<B>[]> {
    checkFind(query);
    return this.#run(async () => {
      const found: Document<B>[] = [];
      for (const { filter, sort, hint } of findSteps(query)) {
        const limit = query.limit - found.length;
        if (limit === 0) break;
        const step = this.#stored(query.collection).find(filter, { sort, hint, limit, batchSize: limit });
        for (const stored of await this.#send(() => step.toArray())) found.push(toDocument<B>(stored));
      }
      return found;
    });
  }

  async count(collection: Collection, term?: string): Promise<number> {
    checkTerm(collection, term);
    const [{ filter, hint }] = findSteps({ collection, ...(term === undefined ? {} : { term }), limit: 1 });
    return this.#run(() => this.#send(() => this.#stored(collection).countDocuments(filter, { hint })));
  }

  async write(ops: readonly WriteOp[]): Promise<WriteResult[]> {
    if (this.#closing !== undefined) throw this.#closed();
    const bodies = checkWrites(ops);
    return this.#run(async () => {
      const results = await this.#writer.apply(ops, bodies);
      for (const { ok } of results) if (ok) this.#writes++;
      return results;
    });
  }

  /** Finishes the calls it has accepted. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= Promise.allSettled(this.#running).then(() => this.#client.close());
    return this.#closing;
  }

  #stored(collection: Collection) {
    return this.#db.collection<Stored>(collection);
  }

  async #run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#closing !== undefined) throw this.#closed();
    const running = call();
    this.#running.add(running);
    try {
      return await running;
    } catch (reason) {
      throw fromMongo(reason, this.#place);
    } finally {
      this.#running.delete(running);
    }
  }

  /** Runs one command. The driver bounds each step of it (finding a server, a connection, the answer) and repeats it once; here its sum is bounded, too. */
  readonly #send = async <T>(command: () => Promise<T>): Promise<T> => {
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(this.#late()), this.#timeoutMs);
    try {
      const answer = await Promise.race([command(), late]);
      this.#answeredAtMs = performance.now();
      return answer;
    } catch (reason) {
      this.#renewClient();
      throw reason;
    } finally {
      clearTimeout(timer);
    }
  };

  get #db(): Db {
    return this.#client.db(this.#database);
  }

  /** Takes another client when this one has had no answer for long. The driver (7.9) can end in a state in which it holds no connection and makes none: seen in one of some
   * 25 ends of a server, long after that was back, while a new client was answered at once. */
  #renewClient(): void {
    if (this.#closing !== undefined || performance.now() - this.#answeredAtMs < SILENT_TIMEOUTS * this.#timeoutMs)
      return;
    const old = this.#client;
    this.#client = this.#connect();
    this.#answeredAtMs = performance.now();
    // Nobody waits for its connections any more, and where one cannot be closed there is nothing left to be done about it.
    old.close().catch(() => undefined);
  }

  #late(): HeimdexError {
    return new HeimdexError(
      "CATALOG_UNAVAILABLE",
      `the catalog ${this.#place} did not answer within ${this.#timeoutMs} ms`,
      {
        metadata: { catalog: this.#place },
      },
    );
  }

  #closed(): HeimdexError {
    return new HeimdexError("CATALOG_CLOSED", `the catalog ${this.#place} is closed`);
  }
}

function createClient(url: string, timeoutMs: number, options: MongoClientOptions): MongoClient {
  try {
    return new MongoClient(url, {
      ...options,
      appName: "heimdex",
      serverSelectionTimeoutMS: timeoutMs,
      connectTimeoutMS: timeoutMs,
      waitQueueTimeoutMS: timeoutMs,
      retryReads: true,
      retryWrites: true,
      readPreference: "primary",
      readConcern: { level: "majority" },
      // `journal` matters where there is no replica set: "majority" alone would be answered from memory there.
      writeConcern: { w: "majority", journal: true, wtimeoutMS: timeoutMs },
    });
  } catch (cause) {
    throw new HeimdexError("CONFIG_INVALID", `the catalog's URL is none of MongoDB's (${(cause as Error).message})`, {
      cause,
      help: "mongodb://USER:PASSWORD@HOST:27017/?authSource=admin",
    });
  }
}
