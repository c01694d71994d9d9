import { TEXT_FIELDS, type TextField } from "@heimdex/ports";
import type { FieldTotals } from "./bm25.ts";

/** What an asset's marker row says of its rows. */
export interface AssetTotals {
  readonly revision: number;
  readonly rows: number;
  readonly fields: Readonly<Record<TextField, FieldTotals>>;
  /** Vectors by space. */
  readonly spaces: ReadonlyMap<string, number>;
}

/** As a marker row keeps it: [rows, [rows, tokens] by TEXT_FIELDS, [space, vectors]]. */
type Summary = readonly [number, readonly (readonly [number, number])[], readonly (readonly [string, number])[]];

export function writeSummary(totals: Omit<AssetTotals, "revision">): string {
  const summary: Summary = [
    totals.rows,
    TEXT_FIELDS.map((field) => [totals.fields[field].rows, totals.fields[field].tokens]),
    [...totals.spaces],
  ];
  return JSON.stringify(summary);
}

export function readSummary(json: string, revision: number): AssetTotals {
  const [rows, fields, spaces] = JSON.parse(json) as Summary;
  const byField = Object.fromEntries(
    TEXT_FIELDS.map((field, i) => [field, { rows: fields[i]?.[0] ?? 0, tokens: fields[i]?.[1] ?? 0 }]),
  ) as AssetTotals["fields"];
  return { revision, rows, fields: byField, spaces: new Map(spaces) };
}

export const NO_FIELDS = Object.freeze(
  Object.fromEntries(TEXT_FIELDS.map((field) => [field, { rows: 0, tokens: 0 }])),
) as AssetTotals["fields"];

interface TenantEntry {
  readonly assets: ReadonlyMap<string, AssetTotals>;
  readonly rows: number;
  readonly assetsWithRows: number;
  readonly fields: Readonly<Record<TextField, FieldTotals>>;
  readonly spaces: ReadonlyMap<string, number>;
}

/** All assets and the sums over them, in memory: what BM25 needs of the corpus, and stats, without a scan. Immutable, so that a search sees the sums
 * of the version it reads. */
export class Ledger {
  readonly #tenants: ReadonlyMap<string, TenantEntry>;

  private constructor(tenants: ReadonlyMap<string, TenantEntry>) {
    this.#tenants = tenants;
  }

  static readonly EMPTY = new Ledger(new Map());

  /** A ledger in which the given assets' totals replace what was there. */
  with(changes: ReadonlyMap<string, ReadonlyMap<string, AssetTotals>>): Ledger {
    const tenants = new Map(this.#tenants);
    for (const [tenant, changed] of changes) {
      const assets = new Map(tenants.get(tenant)?.assets);
      for (const [asset, totals] of changed) assets.set(asset, totals);
      tenants.set(tenant, summed(assets));
    }
    return new Ledger(tenants);
  }

  /** A ledger that has never heard of the given assets. */
  without(tenant: string, forgotten: readonly string[]): Ledger {
    const assets = new Map(this.#tenants.get(tenant)?.assets);
    for (const asset of forgotten) assets.delete(asset);
    return new Ledger(new Map(this.#tenants).set(tenant, summed(assets)));
  }

  /** The tenant's assets that have vectors in a space, with that space left out of their totals. */
  withoutSpace(tenant: string, space: string): Map<string, AssetTotals> {
    const changed = new Map<string, AssetTotals>();
    for (const [asset, totals] of this.#tenants.get(tenant)?.assets ?? []) {
      if (!totals.spaces.has(space)) continue;
      const spaces = new Map(totals.spaces);
      spaces.delete(space);
      changed.set(asset, { ...totals, spaces });
    }
    return changed;
  }

  asset(tenant: string, asset: string): AssetTotals | undefined {
    return this.#tenants.get(tenant)?.assets.get(asset);
  }

  field(tenant: string, field: TextField): FieldTotals {
    return this.#tenants.get(tenant)?.fields[field] ?? NO_FIELDS[field];
  }

  stats(tenant: string): { rows: number; assets: number; spaces: Map<string, number> } {
    const entry = this.#tenants.get(tenant);
    return { rows: entry?.rows ?? 0, assets: entry?.assetsWithRows ?? 0, spaces: new Map(entry?.spaces) };
  }

  /** Spaces in which any tenant has a vector, or any other tenant than the given one. */
  usedSpaces(otherThan?: string): Set<string> {
    const used = new Set<string>();
    for (const [tenant, { spaces }] of this.#tenants)
      if (tenant !== otherThan) for (const space of spaces.keys()) used.add(space);
    return used;
  }

  /** Rows of the whole table, markers included. */
  tableRows(): number {
    let rows = 0;
    for (const entry of this.#tenants.values()) rows += entry.rows + entry.assets.size;
    return rows;
  }
}

function summed(assets: ReadonlyMap<string, AssetTotals>): TenantEntry {
  const fields = Object.fromEntries(TEXT_FIELDS.map((field) => [field, { rows: 0, tokens: 0 }])) as Record<
    TextField,
    { rows: number; tokens: number }
  >;
  const spaces = new Map<string, number>();
  let rows = 0;
  let assetsWithRows = 0;
  for (const totals of assets.values()) {
    rows += totals.rows;
    if (totals.rows > 0) assetsWithRows++;
    for (const field of TEXT_FIELDS) {
      fields[field].rows += totals.fields[field].rows;
      fields[field].tokens += totals.fields[field].tokens;
    }
    for (const [space, count] of totals.spaces) spaces.set(space, (spaces.get(space) ?? 0) + count);
  }
  return { assets, rows, assetsWithRows, fields, spaces };
}
