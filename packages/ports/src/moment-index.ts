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
  /** Labels of things seen. */
  readonly labels: readonly string[];
  /** BCP-47 tags of its texts. */
  readonly languages: readonly string[];
  /** File name or title, for people. */
  readonly title: string;
  readonly source: string;
  /** When it was recorded, Unix ms; undefined when unknown. */
  readonly recorded_ms: number | undefined;
  /** Vectors by space id; L2-normalised. */
  readonly vectors: ReadonlyMap<string, Float32Array>;
}

export const TEXT_FIELDS = ["spoken", "written", "described", "names", "custom"] as const;
export type TextField = (typeof TEXT_FIELDS)[number];

/** All given conditions must hold. */
export interface MomentFilter {
  readonly tenant: string;
  readonly assets?: readonly string[];
  /** Moments that overlap `[from_ms, to_ms)`. */
  readonly from_ms?: number;
  readonly to_ms?: number;
  /** Any of these; `en` matches `en-US` too. */
  readonly languages?: readonly string[];
}

export interface Scored {
  readonly row: Omit<MomentRow, "vectors">;
  /** BM25 for text channels, cosine similarity -1..1 for vector channels. Larger is better. */
  readonly score: number;
}

export interface AssetRows {
  readonly tenant: string;
  readonly asset: string;
  readonly revision: number;
  readonly rows: readonly MomentRow[];
}

/** Moments, searchable. Derived data: losing it loses nothing that a re-index from sidecars does not bring back.
 * Rejects with INDEX_UNAVAILABLE when the store cannot be used and INDEX_CLOSED after disposal. One process writes at a time. */
export interface MomentIndex extends AsyncDisposable {
  /** Replaces all rows of each asset by the given ones (none: removes them). Idempotent by (asset, revision): an older revision than the stored one
   * changes nothing. Readers see an asset's old rows or its new ones, never a mix. When it resolves the rows can be found and survive kill -9. */
  replaceAssets(batch: readonly AssetRows[]): Promise<void>;
  /** Forgets assets with all their rows and revisions: indexed again, they start anew. Idempotent. */
  removeAssets(tenant: string, assets: readonly string[]): Promise<void>;
  /** BM25 over one text field, best first. `terms` are the analysed words of the query; a row matches when it has any of them. */
  searchText(field: TextField, terms: readonly string[], filter: MomentFilter, limit: number): Promise<Scored[]>;
  /** Nearest rows of one space by cosine similarity, best first; rows without a vector in that space are left out. */
  searchVector(space: string, vector: Float32Array, filter: MomentFilter, limit: number): Promise<Scored[]>;
  /** How many of the tenant's rows contain each term in the field: what inverse document frequencies are made of. */
  documentFrequencies(field: TextField, terms: readonly string[], tenant: string): Promise<ReadonlyMap<string, number>>;
  /** Rows of the tenant, and of each space how many have a vector. */
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
