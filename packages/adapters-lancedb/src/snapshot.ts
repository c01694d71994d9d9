import { HeimdexError } from "@heimdex/errors";
import type { MomentFilter, MomentList, Scored, TextField } from "@heimdex/ports";
import type { Table as LanceTable } from "@lancedb/lancedb";
import { bm25, idf, lengthWeight } from "./bm25.ts";
import { countFacets } from "./facet-terms.ts";
import { filterSql, inList, literal } from "./filter-sql.ts";
import type { Ledger } from "./ledger.ts";
import { momentsOf } from "./moments-of.ts";
import { native } from "./native.ts";
import { hasDirection, momentKey } from "./row-batch.ts";
import { ROW_COLUMNS, type Space, tokensColumn } from "./table-schema.ts";
import { type Analyze, cleanTokens, labelKey } from "./tokens.ts";

/** Matching rows that are fetched and scored for a text query. Up to this many the result is exact; beyond it, the best are picked from those that
 * LanceDB itself ranks highest. */
const CANDIDATES = 4096;

/** The index at one version: every read of a search sees the same rows, whatever is written meanwhile.
 *
 * LanceDB's full-text index decides which rows match: that was exact in every trial (random replaces, deletes, compactions, filters; rows not yet
 * indexed included). Its scores are not used, because they do not compare: rows not yet in the index are scored by the statistics of just those
 * that pass the filter, and deleted rows go on counting; measured, up to 73 % off. So BM25 is computed here from the matching rows' tokens and
 * the tenant's own totals, which also keeps one tenant's words out of another's scores. */
export class Snapshot {
  readonly version: number;
  readonly ledger: Ledger;
  readonly spaces: ReadonlyMap<string, Space>;
  readonly #table: LanceTable;
  readonly #labelKey: (label: string) => string;
  readonly #frequencies = new Map<string, Promise<number>>();

  /** @param table opened at `version`; the snapshot owns it. */
  constructor(
    version: number,
    table: LanceTable,
    spaces: ReadonlyMap<string, Space>,
    ledger: Ledger,
    analyze: Analyze,
  ) {
    this.version = version;
    this.#table = table;
    this.spaces = spaces;
    this.ledger = ledger;
    this.#labelKey = (label) => labelKey(label, analyze);
  }

  async searchText(field: TextField, terms: readonly string[], filter: MomentFilter, limit: number): Promise<Scored[]> {
    const wanted = [...new Set(cleanTokens(terms))];
    const count = atMost(limit);
    const totals = this.ledger.field(filter.tenant, field);
    if (wanted.length === 0 || count === 0 || totals.rows === 0) return [];
    const column = tokensColumn(field);
    const candidates = await this.#match(field, wanted.join(" "))
      .where(filterSql(filter, this.#labelKey))
      .limit(Math.max(CANDIDATES, count))
      .select([column, "_score"])
      .withRowId()
      .toArrow();
    if (candidates.numRows === 0) return [];
    const texts = Array.from(candidates.getChild(column) ?? [], (tokens) => String(tokens).split(" "));
    // With all the tenant's matches at hand, they need not be asked for again.
    if (tenantOnly(filter) && texts.length < Math.max(CANDIDATES, count))
      this.#learn(filter.tenant, field, wanted, texts);
    const frequencies = await this.documentFrequencies(field, wanted, filter.tenant);
    const idfs = new Map(wanted.map((term) => [term, idf(totals.rows, frequencies.get(term) ?? 0)]));
    const rowIds = candidates.getChild("_rowid");
    const b = lengthWeight(field);
    const ranked = texts.map((tokens, i) => ({ rowId: BigInt(rowIds?.get(i)), score: bm25(tokens, idfs, totals, b) }));
    ranked.sort((a, b) => b.score - a.score || (a.rowId < b.rowId ? -1 : 1));
    ranked.length = Math.min(ranked.length, count);
    const scores = new Map(ranked.map(({ rowId, score }) => [rowId, score]));
    const rows = await this.#table
      .takeRowIds([...scores.keys()])
      .select([...ROW_COLUMNS])
      .withRowId()
      .toArrow();
    const found = rows.getChild("_rowid");
    return ordered(momentsOf(rows).map((row, i) => ({ row, score: scores.get(BigInt(found?.get(i))) ?? 0 })));
  }

  async searchVector(space: string, vector: Float32Array, filter: MomentFilter, limit: number): Promise<Scored[]> {
    const known = this.spaces.get(space);
    const count = atMost(limit);
    if (known !== undefined && known.dimension !== vector.length)
      throw new HeimdexError(
        "INVALID_ARGUMENT",
        `Space ${space} has ${known.dimension} dimensions, the query ${vector.length}`,
      );
    if (known === undefined || count === 0 || !hasDirection(vector)) return [];
    const rows = await this.#table
      .vectorSearch(vector)
      .column(known.column)
      .distanceType("cosine")
      .where(filterSql(filter, this.#labelKey))
      .limit(count)
      .select([...ROW_COLUMNS, "_distance"])
      .toArrow();
    const distances = rows.getChild("_distance");
    return ordered(momentsOf(rows).map((row, i) => ({ row, score: 1 - Number(distances?.get(i)) })));
  }

  /** What orders the rows is read of all that pass, the rest of those that are given back. */
  async list(filter: MomentFilter, from: number, limit: number): Promise<MomentList> {
    const found = await this.#table
      .query()
      .where(`summary IS NULL AND ${filterSql(filter, this.#labelKey)}`)
      .select(["title", "asset", "start_ms", "id", "facets"])
      .withRowId()
      .toArrow();
    if (found.numRows === 0) return { rows: [], total: 0, facets: new Map() };
    const [titles = [], assets = [], starts = [], ids = []] = ["title", "asset", "start_ms", "id"].map((name) =>
      Array.from(found.getChild(name) ?? [], String),
    );
    const order = Array.from({ length: found.numRows }, (_, i) => i).sort(
      (a, b) =>
        compare(titles[a] ?? "", titles[b] ?? "") ||
        compare(assets[a] ?? "", assets[b] ?? "") ||
        Number(starts[a]) - Number(starts[b]) ||
        compare(ids[a] ?? "", ids[b] ?? ""),
    );
    const counts = { total: found.numRows, facets: countFacets(found.getChild("facets") ?? []) };
    const rowIds = found.getChild("_rowid");
    const first = Math.max(0, from);
    const page = order.slice(first, first + atMost(limit)).map((at) => BigInt(rowIds?.get(at)));
    if (page.length === 0) return { rows: [], ...counts };
    const rows = await this.#table
      .takeRowIds(page)
      .select([...ROW_COLUMNS])
      .withRowId()
      .toArrow();
    const given = rows.getChild("_rowid");
    const byRowId = new Map(momentsOf(rows).map((row, i) => [BigInt(given?.get(i)), row]));
    return { rows: page.flatMap((rowId) => byRowId.get(rowId) ?? []), ...counts };
  }

  async vectorsOf(
    space: string,
    ids: readonly string[],
    tenant: string,
  ): Promise<ReadonlyMap<string, readonly Float32Array[]>> {
    const column = this.spaces.get(space)?.column;
    if (column === undefined || ids.length === 0) return new Map();
    const keys = ids.map((id) => momentKey(tenant, id));
    const rows = await this.#table
      .query()
      .where(`${inList("key", keys)} AND ${column} IS NOT NULL`)
      .select(["id", column])
      .toArray();
    const vectors = (list: Iterable<{ toArray(): Float32Array }>) =>
      Array.from(list, (vector) => vector.toArray().slice());
    return new Map(rows.map((row) => [row.id as string, vectors(row[column])]));
  }

  /** Counted by the full-text index itself, once for each term and version. */
  async documentFrequencies(
    field: TextField,
    terms: readonly string[],
    tenant: string,
  ): Promise<ReadonlyMap<string, number>> {
    const counts = terms.map(async (term) => {
      const [token, ...rest] = cleanTokens([term]);
      return [term, token === undefined || rest.length > 0 ? 0 : await this.#frequency(field, token, tenant)] as const;
    });
    return new Map(await Promise.all(counts));
  }

  close(): void {
    this.#table.close();
  }

  #frequency(field: TextField, token: string, tenant: string): Promise<number> {
    if (this.ledger.field(tenant, field).rows === 0) return Promise.resolve(0);
    const key = frequencyKey(tenant, field, token);
    const known = this.#frequencies.get(key);
    if (known !== undefined) return known;
    const counted = this.#count(field, token, tenant);
    this.#frequencies.set(key, counted);
    // Whoever asked gets the failure; the next one asks again.
    counted.catch(() => this.#frequencies.delete(key));
    return counted;
  }

  async #count(field: TextField, token: string, tenant: string): Promise<number> {
    const found = await this.#match(field, token)
      .where(`tenant = ${literal(tenant)}`)
      .limit(this.ledger.tableRows() + 1)
      .select(["_rowid", "_score"])
      .toArrow();
    return found.numRows;
  }

  #learn(tenant: string, field: TextField, terms: readonly string[], texts: readonly (readonly string[])[]): void {
    for (const term of terms) {
      let count = 0;
      for (const tokens of texts) if (tokens.includes(term)) count++;
      this.#frequencies.set(frequencyKey(tenant, field, term), Promise.resolve(count));
    }
  }

  /** Rows with any of the words. A match query takes them as words: nothing in them is syntax. */
  #match(field: TextField, words: string) {
    const column = tokensColumn(field);
    return this.#table.query().fullTextSearch(new (native().lance.MatchQuery)(words, column), { columns: [column] });
  }
}

function frequencyKey(tenant: string, field: TextField, token: string): string {
  return JSON.stringify([tenant, field, token]);
}

function tenantOnly(filter: MomentFilter): boolean {
  return [filter.assets, filter.from_ms, filter.to_ms, filter.languages, filter.labels, filter.fields].every(
    (part) => part === undefined,
  );
}

function atMost(limit: number): number {
  return Math.max(0, Math.min(Math.ceil(limit), 1_000_000));
}

/** Best first; equal scores in the order of assets and time, so that a result does not depend on where rows lie. */
function ordered(hits: Scored[]): Scored[] {
  return hits.sort(
    (a, b) =>
      b.score - a.score ||
      compare(a.row.asset, b.row.asset) ||
      a.row.start_ms - b.row.start_ms ||
      compare(a.row.id, b.row.id),
  );
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
