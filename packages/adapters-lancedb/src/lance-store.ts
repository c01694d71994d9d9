import { TEXT_FIELDS } from "@heimdex/ports";
import type { Connection, Index as LanceIndex, Table as LanceTable } from "@lancedb/lancedb";
import { FencedTable } from "./fenced-table.ts";
import { type AssetTotals, Ledger, readSummary } from "./ledger.ts";
import { native } from "./native.ts";
import type { ResolvedOptions } from "./options.ts";
import { Snapshot } from "./snapshot.ts";
import { baseFields, FORMAT, type Space, spacesOf, tokensColumn, writerField } from "./table-schema.ts";

/** Every format and every analyzer has a table of its own, so that a program never reads what it does not understand: it finds an empty table, and the
 * index is filled again from the sidecars. */
const TABLE_PREFIX = "moments_";

/** Attempts to create missing indexes: two processes that open a fresh store at once commit against each other, and one of them has to look again. */
const CREATE_ATTEMPTS = 5;

/** LanceDB's caches, bytes; its own defaults are 6 GB and 1 GB. */
const INDEX_CACHE_BYTES = 256n << 20n;
const METADATA_CACHE_BYTES = 64n << 20n;

/** The connections and the one table. */
export class LanceStore {
  readonly name: string;
  readonly #connections: Connections;
  readonly #options: ResolvedOptions;
  readonly #table: LanceTable;
  #toWrite: Promise<FencedTable> | undefined;

  private constructor(connections: Connections, options: ResolvedOptions, table: LanceTable) {
    this.name = tableName(options);
    this.#connections = connections;
    this.#options = options;
    this.#table = table;
  }

  static async open(options: ResolvedOptions): Promise<LanceStore> {
    const connections = await connect(options);
    const { toRead: connection } = connections;
    const name = tableName(options);
    // Opened when there; `existOk` alone would refuse a table that has vector columns by now, but is what two processes starting at once need.
    const table = (await connection.tableNames()).includes(name)
      ? await connection.openTable(name)
      : await connection.createEmptyTable(name, emptySchema(), { existOk: true });
    await ensureIndexes(table);
    return new LanceStore(connections, options, table);
  }

  /** A store with nothing in it, `writer`'s to write, whatever state the old one is in; tables of other formats go, too. */
  static async create(options: ResolvedOptions, writer: string): Promise<LanceStore> {
    const connections = await connect(options);
    const { toRead: connection } = connections;
    const name = tableName(options);
    await dropOthers(connection, name);
    try {
      // A new version of the same table: readers keep the one they have.
      const table = await connection.createEmptyTable(name, emptySchema(writer), { mode: "overwrite" });
      await ensureIndexes(table);
      return new LanceStore(connections, options, table);
    } catch (first) {
      // A damaged manifest or a full disk, where only removing helps. Should this fail too, both reasons are told.
      try {
        await connection.dropTable(name);
        const table = await connection.createEmptyTable(name, emptySchema(writer));
        await ensureIndexes(table);
        return new LanceStore(connections, options, table);
      } catch (second) {
        throw new AggregateError([first, second], `${messageOf(second)}; before that: ${messageOf(first)}`);
      }
    }
  }

  /** To read: follows what other processes write. */
  get table(): LanceTable {
    return this.#table;
  }

  /** To write as `writer`, the same at every call. A failed attempt is made again at the next. */
  async toWrite(writer: string): Promise<FencedTable> {
    const opening =
      this.#toWrite ?? this.#connections.toWrite.openTable(this.name).then((table) => new FencedTable(table, writer));
    this.#toWrite = opening;
    try {
      return await opening;
    } catch (reason) {
      this.#toWrite = undefined;
      throw reason;
    }
  }

  /** The version a table is at, with its ledger read from the markers. */
  async snapshot(table: LanceTable): Promise<Snapshot> {
    const version = await table.version();
    const pinned = await this.at(version);
    const markers = await pinned
      .query()
      .where("summary IS NOT NULL")
      .select(["tenant", "asset", "revision", "summary"])
      .toArrow();
    const [tenants, assets, revisions, summaries] = ["tenant", "asset", "revision", "summary"].map((column) =>
      markers.getChild(column),
    );
    const all = new Map<string, Map<string, AssetTotals>>();
    for (let i = 0; i < markers.numRows; i++) {
      const tenant = String(tenants?.get(i));
      const ofTenant = all.get(tenant) ?? new Map<string, AssetTotals>();
      all.set(
        tenant,
        ofTenant.set(String(assets?.get(i)), readSummary(String(summaries?.get(i)), Number(revisions?.get(i)))),
      );
    }
    return this.snapshotOf(version, pinned, spacesOf(await pinned.schema()), Ledger.EMPTY.with(all));
  }

  snapshotOf(version: number, pinned: LanceTable, spaces: ReadonlyMap<string, Space>, ledger: Ledger): Snapshot {
    return new Snapshot(version, pinned, spaces, ledger, this.#options.analyze);
  }

  /** The table as it was at a version: 0.3 ms, as the session's caches are shared. */
  at(version: number): Promise<LanceTable> {
    return this.#connections.toRead.openTable(this.name, [], { version });
  }

  /** Removes tables of other formats. */
  dropOthers(): Promise<void> {
    return dropOthers(this.#connections.toRead, this.name);
  }

  async close(): Promise<void> {
    this.#table.close();
    await this.#toWrite?.then(
      (table) => table.close(),
      () => undefined, // it was never opened
    );
    this.#connections.toRead.close();
    this.#connections.toWrite.close();
  }
}

interface Connections {
  readonly toRead: Connection;
  readonly toWrite: Connection;
}

async function dropOthers(connection: Connection, name: string): Promise<void> {
  for (const other of await connection.tableNames())
    if (other.startsWith(TABLE_PREFIX) && other !== name) await connection.dropTable(other);
}

async function connect({ uri, storageOptions }: ResolvedOptions): Promise<Connections> {
  const { lance } = native();
  const common = { storageOptions, session: new lance.Session(INDEX_CACHE_BYTES, METADATA_CACHE_BYTES) };
  // Every read looks for a newer version: who is told that an asset is indexed finds it at once, whichever process wrote it.
  const toRead = await lance.connect(uri, { ...common, readConsistencyInterval: 0 });
  return { toRead, toWrite: await lance.connect(uri, common) };
}

/** Format and analyzer: what decides whether a table can be used. */
export function formatOf({ analyzerId }: ResolvedOptions): string {
  return `${FORMAT}_${Buffer.from(analyzerId, "utf8").toString("hex")}`;
}

function tableName(options: ResolvedOptions): string {
  return `${TABLE_PREFIX}${formatOf(options)}`;
}

function emptySchema(writer?: string) {
  const { arrow } = native();
  return new arrow.Schema([...baseFields(arrow), ...(writer === undefined ? [] : [writerField(arrow, writer)])]);
}

/** Full text on the tokens of each field, exactly as analysed; and scalar indexes on what filters and merge-insert look up: without the one on `key`, a
 * merge joins the whole table (at 50,000 rows: seconds instead of some 50 ms). */
async function ensureIndexes(table: LanceTable): Promise<void> {
  const { Index } = native().lance;
  // As functions, for LanceDB uses up an index's description when it creates the index.
  const wanted = new Map<string, () => LanceIndex>([
    ["key", () => Index.btree()],
    ["asset", () => Index.btree()],
    ["tenant", () => Index.bitmap()],
    ...TEXT_FIELDS.map((field) => [tokensColumn(field), () => Index.fts(FULL_TEXT)] as const),
  ]);
  for (let attempt = 1; ; attempt++) {
    const present = new Set((await table.listIndices()).flatMap((index) => index.columns));
    const missing = [...wanted].filter(([column]) => !present.has(column));
    if (missing.length === 0) return;
    try {
      for (const [column, config] of missing) await table.createIndex(column, { config: config() });
    } catch (conflict) {
      if (attempt === CREATE_ATTEMPTS) throw conflict;
      await table.checkoutLatest();
    }
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

/** Tokens come analysed, separated by single spaces: nothing is to be changed, cut or dropped. */
const FULL_TEXT = {
  baseTokenizer: "whitespace",
  lowercase: false,
  stem: false,
  removeStopWords: false,
  asciiFolding: false,
  withPosition: false,
  maxTokenLength: 1000,
} as const;
