/** A row of the index: one moment of one asset. */
export interface MomentRow {
  /** Stable id of the moment; unique within the tenant. */
  readonly id: string;
  readonly tenant: string;
  readonly asset: string;
  /** Sidecar revision it was made from. */
  readonly revision: number;
  readonly start_ms: number;
  readonly end_ms: number;
  /** Texts by field; "" where there is none. */
  readonly spoken: string;
  readonly written: string;
  readonly described: string;
  readonly names: string;
  /** Custom layers' searched texts. */
  readonly custom: string;
  /** Custom layers' values that are filtered by, by field: any text. */
  readonly facets: ReadonlyMap<string, readonly string[]>;
  /** Custom layers' numbers, by field; finite. */
  readonly numbers: ReadonlyMap<string, readonly number[]>;
  /** Labels of things seen; a label that stands in it more than once counts more when its words are searched. */
  readonly labels: readonly string[];
  /** BCP-47 tags of its texts. */
  readonly languages: readonly string[];
  /** File name or title, for people. */
  readonly title: string;
  readonly source: string;
  /** When it was recorded, Unix ms; undefined when unknown. */
  readonly recorded_ms: number | undefined;
  /** When what stands in its texts and vectors is there, as whoever fills the index notes it; "" where it does not. Given back as it is. */
  readonly instants: string;
  /** Vectors by space id, L2-normalised, one or more: a moment is as near as its nearest vector. */
  readonly vectors: ReadonlyMap<string, readonly Float32Array[]>;
}

/** What is searched by words. */
export const TEXT_FIELDS = ["spoken", "written", "described", "names", "custom", "labels"] as const;
export type TextField = (typeof TEXT_FIELDS)[number];

/** The text of a field, as it is searched: labels one to a line. */
export function textOf(row: Pick<MomentRow, TextField>, field: TextField): string {
  return field === "labels" ? row.labels.join("\n") : row[field];
}

/** All given conditions must hold. */
export interface MomentFilter {
  readonly tenant: string;
  readonly assets?: readonly string[];
  /** Moments that overlap `[from_ms, to_ms)`. */
  readonly from_ms?: number;
  readonly to_ms?: number;
  /** Any of these; `en` matches `en-US` too. */
  readonly languages?: readonly string[];
  /** Any of these is seen. Labels compare by their words, as analysed: neither case nor number matters. */
  readonly labels?: readonly string[];
  /** Each must hold. */
  readonly fields?: readonly FieldFilter[];
}

/** - values: the row has any of these in its facet of that name; exactly as written.
 * - ranges: a number of the row's field of that name lies in any of these. */
export type FieldFilter = { readonly field: string } & (
  | { readonly values: readonly string[] }
  | { readonly ranges: readonly NumberRange[] }
);

/** Bounds that one number keeps all at once; an absent one holds. */
export interface NumberRange {
  /** At least. */
  readonly min?: number;
  /** At most. */
  readonly max?: number;
  /** More than. */
  readonly above?: number;
  /** Less than. */
  readonly below?: number;
}

/** A moment as the index gives it back. */
export interface IndexedMoment extends Omit<MomentRow, "vectors"> {
  /** The words of each field as analysed, in order, single spaces between; "" where there are none. */
  readonly terms: Readonly<Record<TextField, string>>;
}

export interface Scored {
  readonly row: IndexedMoment;
  /** BM25 for text channels, cosine similarity -1..1 for vector channels. Larger is better. */
  readonly score: number;
}

export interface MomentList {
  readonly rows: readonly IndexedMoment[];
  readonly total: number;
  /** Rows by field and value. */
  readonly facets: ReadonlyMap<string, ReadonlyMap<string, number>>;
}

export interface AssetRows {
  readonly tenant: string;
  readonly asset: string;
  readonly revision: number;
  readonly rows: readonly MomentRow[];
}

/** Moments, searchable. Derived data: losing it loses nothing that a re-index from sidecars does not bring back.
 * Rejects with INDEX_UNAVAILABLE when the store cannot be used and INDEX_CLOSED after disposal.
 *
 * One process writes at a time: the one that fenced the others out last. Whatever another one does then, and whatever it was doing when it was stopped and woken later,
 * changes nothing and rejects with INDEX_FENCED. A process that writes without having fenced does so with its first write. */
export interface MomentIndex extends AsyncDisposable {
  /** Names how rows are stored and analysed. What was indexed under another name is not found, and has to be indexed again. */
  readonly format: string;
  /** Names this process among those that write. */
  readonly writer: string;
  /** Makes this process the one that writes; what others have committed stays. Cheap when it is already.
   * @returns the writer before: other than expected when somebody wrote in between, "" when there was none, as in an index that is new or was lost */
  fence(): Promise<string>;
  /** Replaces all rows of each asset by the given ones (none: removes them). Idempotent by (asset, revision): an older revision than the stored one
   * changes nothing. Readers see an asset's old rows or its new ones, never a mix. When it resolves the rows can be found and survive kill -9. */
  replaceAssets(batch: readonly AssetRows[]): Promise<void>;
  /** Forgets assets with all their rows and revisions: indexed again, they start anew. Idempotent. */
  removeAssets(tenant: string, assets: readonly string[]): Promise<void>;
  /** BM25 over one text field, best first. `terms` are the analysed words of the query; a row matches when it has any of them. How many labels a row has in
   * all does not count: what is seen with a thing does not make it seen less. */
  searchText(field: TextField, terms: readonly string[], filter: MomentFilter, limit: number): Promise<Scored[]>;
  /** Nearest rows of one space by cosine similarity, best first; of a row's vectors the nearest counts. Rows without a vector in that space are left out. */
  searchVector(space: string, vector: Float32Array, filter: MomentFilter, limit: number): Promise<Scored[]>;
  /** Rows that a filter lets through, in order of title, asset and start: those from the `from`th on, 0 the first; and of all
   * that it lets through how many there are, and how many have each value of each facet. */
  list(filter: MomentFilter, from: number, limit: number): Promise<MomentList>;
  /** The vectors of moments in one space, by id, in the order given when they were indexed; ids without any are left out. */
  vectorsOf(
    space: string,
    ids: readonly string[],
    tenant: string,
  ): Promise<ReadonlyMap<string, readonly Float32Array[]>>;
  /** Removes the tenant's vectors of one space; rows and other spaces stay. Idempotent. */
  dropSpace(tenant: string, space: string): Promise<void>;
  /** How many of the tenant's rows contain each term in the field: what inverse document frequencies are made of. */
  documentFrequencies(field: TextField, terms: readonly string[], tenant: string): Promise<ReadonlyMap<string, number>>;
  /** Rows of the tenant, and of each space how many have vectors. */
  stats(tenant: string): Promise<{
    readonly rows: number;
    readonly assets: number;
    readonly spaces: ReadonlyMap<string, number>;
    readonly bytes: number;
  }>;
  /** Revision of each asset's rows, 0 where it has none. */
  revisions(tenant: string, assets: readonly string[]): Promise<ReadonlyMap<string, number>>;
  /** Empties the index, for a rebuild. */
  clear(): Promise<void>;
  /** Housekeeping in the background: compaction, text index upkeep. Safe at any time. */
  optimize(): Promise<void>;
}
