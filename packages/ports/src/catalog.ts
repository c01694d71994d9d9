/** The collections of the catalog. Each document is bounded (<= 256 KiB as JSON) and stands alone: no operation spans two. */
export const COLLECTIONS = [
  "assets",
  "sources",
  "jobs",
  "cache",
  "stages",
  "sessions",
  "spans",
  "requests",
  "leases",
  "keys",
  "uploads",
  "meta",
] as const;
export type Collection = (typeof COLLECTIONS)[number];

/** A stored document. */
export interface Document<B = unknown> {
  /** 1..512 characters. */
  readonly id: string;
  /** Counts up from 1 with each write of this document. */
  readonly version: number;
  /** Words it is found by, exactly: `ready:media.probe`, `asset:a_12`. At most 256 of at most 256 characters. */
  readonly terms: readonly string[];
  /** Orders the documents of one term, compared by UTF-8 bytes. At most 128 characters. */
  readonly sort: string;
  /** Plain JSON. */
  readonly body: B;
}

/** A write of one document. Each stands or falls by itself.
 * - insert: only if the id is free.
 * - replace: only if the stored version equals `version`.
 * - put: whatever is stored; creates or replaces.
 * - delete: only if the stored version equals `version`; without `version` always; a missing document is fine then. */
export type WriteOp =
  | {
      readonly op: "insert";
      readonly collection: Collection;
      readonly id: string;
      readonly terms: readonly string[];
      readonly sort: string;
      readonly body: unknown;
    }
  | {
      readonly op: "replace";
      readonly collection: Collection;
      readonly id: string;
      readonly version: number;
      readonly terms: readonly string[];
      readonly sort: string;
      readonly body: unknown;
    }
  | {
      readonly op: "put";
      readonly collection: Collection;
      readonly id: string;
      readonly terms: readonly string[];
      readonly sort: string;
      readonly body: unknown;
    }
  | { readonly op: "delete"; readonly collection: Collection; readonly id: string; readonly version?: number };

/** `conflict`: the condition did not hold; nothing was changed by that operation. `version` is the one now stored, 0 when there is none
 * (so after a delete, too). */
export type WriteResult =
  | { readonly ok: true; readonly version: number }
  | { readonly ok: false; readonly version: number };

export interface FindQuery {
  readonly collection: Collection;
  /** Only documents that carry it; undefined: all. */
  readonly term?: string;
  /** Order; `sort` breaks ties by id. Default `id`. */
  readonly by?: "id" | "sort";
  /** Default false. */
  readonly descending?: boolean;
  /** Continue behind this document, which need not exist any more: its id, and its sort key when ordered by it. */
  readonly after?: { readonly id: string; readonly sort?: string };
  /** 1..1000. */
  readonly limit: number;
}

/** Durable documents with compare-and-set. Calls out of the bounds stated here reject with CATALOG_QUERY_INVALID. When a write is answered it survives kill -9 and power loss.
 * All calls reject with CATALOG_UNAVAILABLE when the store cannot be reached, CATALOG_CLOSED after disposal, DISK_FULL when there is no room.
 * A write that rejects with CATALOG_UNAVAILABLE or DISK_FULL may have been stored, in part or whole. Concurrent writers, in this
 * process or another, see each document change atomically. */
export interface Catalog extends AsyncDisposable {
  get<B>(collection: Collection, id: string): Promise<Document<B> | undefined>;
  /** In the order of `ids`; missing ones are undefined. At most 1000. */
  getMany<B>(collection: Collection, ids: readonly string[]): Promise<(Document<B> | undefined)[]>;
  find<B>(query: FindQuery): Promise<Document<B>[]>;
  /** How many documents carry the term; exact. */
  count(collection: Collection, term?: string): Promise<number>;
  /** Applies the operations in order; one result for each. Neighbours of one collection that write different documents may be applied side by side;
   * concurrent calls may share one transaction. At most 1000 operations.
   * Rejects with CATALOG_DOCUMENT_TOO_LARGE (naming it) before anything is written. */
  write(ops: readonly WriteOp[]): Promise<WriteResult[]>;
  /** Writes applied since opening, for `status` and benchmarks. */
  readonly writes: number;
}

/** Largest document, bytes of its JSON body. */
export const MAX_DOCUMENT_BYTES = 256 * 1024;
