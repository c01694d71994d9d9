import type { Result } from "@heimdex/contracts/v1/search";
import {
  type Bus,
  type MomentFilter,
  type MomentIndex,
  type Scored,
  TEXT_FIELDS,
  type TextField,
} from "@heimdex/ports";
import { capPerAsset, type Hit, type Query, type Channel as RankedChannel, rankMoments } from "@heimdex/search";
import { type Embedding, QueryEmbedder, type QueryVector } from "./query-embedder.ts";

/** Ways to find a moment: the words of each text field, and `text`, their meaning. */
export const CHANNELS = [...TEXT_FIELDS, "text"] as const;
export type Channel = (typeof CHANNELS)[number];

/** Rows asked of each channel. Deeper ranks add next to nothing to a fused score; that it is fixed makes paging stable. */
const DEPTH = 200;

/** How long the number of rows is taken for granted, ms. */
const COUNT_TTL_MS = 1_000;

type Row = Scored["row"];

export interface MomentQuery {
  readonly query: Query;
  readonly channels: readonly Channel[];
  readonly filter: MomentFilter;
  /** Results of one asset at most. */
  readonly perAsset: number;
}

export interface MomentResults {
  /** All of them, best first. */
  readonly results: readonly Result[];
  /** Which channel was left out, and why; "" when none was. */
  readonly degradedReason: string;
}

/** From a query to moments: asks every channel at once, and leaves judging and ranking to @heimdex/search. */
export class MomentSearch {
  readonly #embedder: QueryEmbedder;
  readonly #index: MomentIndex;
  #counted: { readonly tenant: string; readonly atMs: number; readonly rows: number } | undefined;

  /** @param embedTimeoutMs how long the query's vector is waited for */
  constructor(bus: Bus, index: MomentIndex, embedTimeoutMs: number) {
    this.#embedder = new QueryEmbedder(bus, { timeoutMs: embedTimeoutMs });
    this.#index = index;
  }

  /** @throws HeimdexError INDEX_UNAVAILABLE; `signal.reason` when aborted */
  async search({ query, channels, filter, perAsset }: MomentQuery, signal: AbortSignal): Promise<MomentResults> {
    const [words, embedding, frequencies, rows] = await Promise.all([
      Promise.all(channels.filter(isTextField).map((field) => this.#words(field, query.terms, filter))),
      channels.includes("text") ? this.#embedder.embed(query.text, signal) : undefined,
      // Of all fields, whatever is searched: how much a word tells does not depend on where one looks for it.
      query.terms.length === 0
        ? []
        : Promise.all(TEXT_FIELDS.map((field) => this.#index.documentFrequencies(field, query.terms, filter.tenant))),
      this.#rows(filter.tenant),
    ]);
    const vector = embedding?.kind === "embedded" ? embedding.query : undefined;
    const meaning = vector === undefined ? [] : await this.#meaning(vector, filter);
    signal.throwIfAborted();
    const hits = rankMoments<Row>({
      query,
      channels: [...words, ...meaning],
      rows,
      frequencies,
      ...(vector === undefined ? {} : { words: vector }),
    });
    return { results: capPerAsset(hits, perAsset).map(resultOf), degradedReason: reasonOf(embedding) };
  }

  /** Rows of the archive. Only how rare a word is depends on it, so an old figure does for a moment; a fresh one costs a look at every file of the index. */
  async #rows(tenant: string): Promise<number> {
    const now = performance.now();
    if (this.#counted === undefined || this.#counted.tenant !== tenant || now - this.#counted.atMs > COUNT_TTL_MS)
      this.#counted = { tenant, atMs: now, rows: (await this.#index.stats(tenant)).rows };
    return this.#counted.rows;
  }

  async #words(field: TextField, terms: readonly string[], filter: MomentFilter): Promise<RankedChannel<Row>> {
    const rows = terms.length === 0 ? [] : await this.#index.searchText(field, terms, filter, DEPTH);
    return { name: field, kind: "words", rows };
  }

  /** No channel where the model knows no word of the query: that is an answer, too. */
  async #meaning({ space, vector }: QueryVector, filter: MomentFilter): Promise<RankedChannel<Row>[]> {
    if (!vector.some((x) => x !== 0)) return [];
    return [{ name: "text", kind: "meaning", rows: await this.#index.searchVector(space, vector, filter, DEPTH) }];
  }
}

function isTextField(channel: Channel): channel is TextField {
  return channel !== "text";
}

function reasonOf(embedding: Embedding | undefined): string {
  return embedding?.kind === "left-out" ? embedding.reason : "";
}

function resultOf({ row, score, snippet, why }: Hit<Row>): Result {
  return {
    asset: row.asset,
    source: row.source,
    startMs: row.start_ms,
    endMs: row.end_ms,
    score,
    snippet,
    why: why.map(({ channel, rank, score: own, matched }) => ({ channel, rank, score: own, matched: [...matched] })),
    moment: row.id,
    title: row.title,
  };
}
