import type { Result } from "@heimdex/contracts/v1/search";
import { HeimdexError } from "@heimdex/errors";
import { SPACE_KINDS, type SpaceKind, type SpaceRef } from "@heimdex/kernel";
import {
  type Bus,
  type Catalog,
  type IndexedMoment,
  type MomentFilter,
  type MomentIndex,
  type Scored,
  TEXT_FIELDS,
  type TextField,
} from "@heimdex/ports";
import {
  capPerAsset,
  explain,
  floorOf,
  type NearestVector,
  parseQuery,
  pictureFloorOf,
  type Query,
  type Ranked,
  type Channel as RankedChannel,
  rankMoments,
} from "@heimdex/search";
import { countFacets, type FacetRows } from "./facet-counts.ts";
import { heldValues, type NamedFilter } from "./held-values.ts";
import { type EmbedderOptions, QueryEmbedder, type Question } from "./query-embedder.ts";
import { ServingSpacesReader } from "./serving-spaces.ts";

/** Ways to find a moment: the words of each text field, their meaning, `text`, and the looks of its pictures, `image`. */
export const CHANNELS = [...TEXT_FIELDS, "text", "image"] as const;
export type Channel = (typeof CHANNELS)[number];

/** Rows asked of each channel. Deeper ranks add next to nothing to a fused score; that it is fixed makes paging stable. */
const DEPTH = 200;

/** How long the number of rows is taken for granted, ms. */
const COUNT_TTL_MS = 1_000;

/** Of a moment with more pictures so many are searched for, spread over it. */
const MOST_LIKENESSES = 4;

/** What is asked for. */
export type Sought =
  | { readonly kind: "words"; readonly query: Query }
  | { readonly kind: "moment"; readonly id: string }
  | { readonly kind: "picture"; readonly image: Uint8Array };

export interface MomentQuery {
  /** all: whatever the filters let through. */
  readonly sought: Sought | { readonly kind: "all" };
  readonly channels: readonly Channel[];
  /** But for custom fields. */
  readonly filter: MomentFilter;
  /** On custom fields. */
  readonly where: readonly NamedFilter[];
  /** Results of one asset at most. */
  readonly perAsset: number;
  /** The page: results from the first, 0, to before `end`. */
  readonly from: number;
  readonly end: number;
}

export interface MomentResults {
  /** Those of the page, best first. */
  readonly results: readonly Result[];
  /** How many there are in all. */
  readonly total: number;
  /** Of all there are. */
  readonly facets: FacetRows;
  /** Which channel was left out, and why; "" when none was. */
  readonly degradedReason: string;
}

/** What was compared with the pictures of a space. */
interface SoughtPictures {
  readonly space: string;
  readonly vectors: readonly Float32Array[];
}

/** What one space has to say. */
interface Likeness {
  readonly channels: readonly RankedChannel<IndexedMoment>[];
  readonly degradedReason: string;
  readonly pictures?: SoughtPictures;
}
const NOTHING: Likeness = { channels: [], degradedReason: "" };
const NO_WORDS = parseQuery("");

/** From what is sought to moments: asks every channel at once, and leaves judging and ranking to @heimdex/search. */
export class MomentSearch {
  readonly #embedder: QueryEmbedder;
  readonly #index: MomentIndex;
  readonly #spaces: ServingSpacesReader;
  #counted: { readonly tenant: string; readonly atMs: number; readonly rows: number } | undefined;

  constructor(ports: { bus: Bus; index: MomentIndex; catalog: Catalog }, embedder: EmbedderOptions) {
    this.#embedder = new QueryEmbedder(ports.bus, embedder);
    this.#index = ports.index;
    this.#spaces = new ServingSpacesReader(ports.catalog);
  }

  /** @throws HeimdexError INDEX_UNAVAILABLE, MOMENT_NOT_FOUND, IMAGE_UNREADABLE; `signal.reason` when aborted */
  async search(asked: MomentQuery, signal: AbortSignal): Promise<MomentResults> {
    const { sought, channels, where, perAsset, from, end } = asked;
    const filter: MomentFilter = where.length === 0 ? asked.filter : { ...asked.filter, fields: where };
    if (sought.kind === "all") return this.#list({ ...asked, filter });
    const query = sought.kind === "words" ? sought.query : NO_WORDS;
    const spaces = await this.#spaces.of(filter.tenant);
    const [{ words, frequencies }, rows, ...likenesses] = await Promise.all([
      this.#words(query, channels.filter(isTextField), filter),
      this.#rows(filter.tenant),
      ...SPACE_KINDS.filter((kind) => channels.includes(kind)).map((kind) =>
        this.#likeness(kind, spaces[kind], sought, filter, signal),
      ),
    ]);
    signal.throwIfAborted();
    const found = likenesses.flatMap((likeness) => likeness.channels);
    if (sought.kind === "moment" && found.length === 0)
      throw new HeimdexError("MOMENT_NOT_FOUND", `there is no moment ${sought.id} that others could be compared with`);
    const ranked = rankMoments<IndexedMoment>({ query, channels: [...words, ...found], rows, frequencies });
    const hits = capPerAsset(ranked, perAsset);
    const page = hits.slice(from, end);
    const pictures = await this.#nearestPictures(
      page,
      likenesses.find(({ pictures: its }) => its)?.pictures,
      filter.tenant,
    );
    const reasons = likenesses.map(({ degradedReason }) => degradedReason).filter((reason) => reason !== "");
    return {
      results: page.map((hit) => resultOf(hit, query, pictures.get(hit.row.id), where)),
      total: hits.length,
      facets: countFacets(hits.map(({ row }) => row)),
      degradedReason: reasons.join("; "),
    };
  }

  async #list({ filter, where, from, end }: MomentQuery): Promise<MomentResults> {
    const { rows, total, facets } = await this.#index.list(filter, from, end - from);
    const results = rows.map((row) =>
      resultOf({ row, score: 0, placings: [], strength: 1 }, NO_WORDS, undefined, where),
    );
    return { results, total, facets, degradedReason: "" };
  }

  /** Rows of the archive. Only how rare a word is depends on it, so an old figure does for a moment; a fresh one costs a look at every file of the index. */
  async #rows(tenant: string): Promise<number> {
    const now = performance.now();
    if (this.#counted === undefined || this.#counted.tenant !== tenant || now - this.#counted.atMs > COUNT_TTL_MS)
      this.#counted = { tenant, atMs: now, rows: (await this.#index.stats(tenant)).rows };
    return this.#counted.rows;
  }

  async #words(
    { terms }: Query,
    fields: readonly TextField[],
    filter: MomentFilter,
  ): Promise<{ words: RankedChannel<IndexedMoment>[]; frequencies: ReadonlyMap<string, number>[] }> {
    if (terms.length === 0) return { words: [], frequencies: [] };
    const words = fields.map(async (name) => {
      const rows = await this.#index.searchText(name, terms, filter, DEPTH);
      return { name, kind: "words", rows } as const;
    });
    const found = await Promise.all(words);
    // Of all fields, whatever is searched: how much a word tells does not depend on where one looks for it. After the searches, for the index has
    // then counted most of them.
    const counted = TEXT_FIELDS.map((field) => this.#index.documentFrequencies(field, terms, filter.tenant));
    return { words: found, frequencies: await Promise.all(counted) };
  }

  /** @param serving undefined where no asset has vectors of the kind yet */
  async #likeness(
    kind: SpaceKind,
    serving: SpaceRef | undefined,
    sought: Sought,
    filter: MomentFilter,
    signal: AbortSignal,
  ): Promise<Likeness> {
    if (sought.kind === "moment")
      return serving === undefined ? NOTHING : this.#likeMoment(kind, serving, sought.id, filter);
    const question = questionOf(kind, sought);
    // Words are embedded for their meaning in any case, as that is what the archive is made for; for pictures only where there are any.
    if (question === undefined || (kind === "image" && sought.kind === "words" && serving === undefined))
      return NOTHING;
    const embedding = await this.#embedder.embed(filter.tenant, question, serving?.space, signal);
    if (embedding.kind === "left-out") return { channels: [], degradedReason: embedding.reason };
    const { space, model, vector, words } = embedding.query;
    // No channel where the model knows no word of the query: that is an answer, too.
    if (!vector.some((x) => x !== 0)) return NOTHING;
    const rows = await this.#index.searchVector(space, vector, filter, DEPTH);
    const floor = kind === "text" ? floorOf(model) : pictureFloorOf(model, sought.kind);
    return {
      channels: [{ name: kind, kind: "meaning", rows, floor, ...(words && { words }) }],
      degradedReason: "",
      ...(kind === "image" && { pictures: { space, vectors: [vector] } }),
    };
  }

  async #likeMoment(kind: SpaceKind, { space, model }: SpaceRef, id: string, filter: MomentFilter): Promise<Likeness> {
    const own = (await this.#index.vectorsOf(space, [id], filter.tenant)).get(id) ?? [];
    if (own.length === 0) return NOTHING;
    const vectors = spread(own, MOST_LIKENESSES);
    const lists = await Promise.all(
      vectors.map((vector) => this.#index.searchVector(space, vector, filter, DEPTH + 1)),
    );
    const rows = nearest(lists).filter(({ row }) => row.id !== id);
    const floor = kind === "text" ? floorOf(model) : pictureFloorOf(model, "picture");
    return {
      channels: [{ name: kind, kind: "meaning", rows, floor }],
      degradedReason: "",
      ...(kind === "image" && { pictures: { space, vectors } }),
    };
  }

  /** Which picture of each moment of the page is nearest, by the moment's id: a search of vectors only says how near it is. */
  async #nearestPictures(
    page: readonly Ranked<IndexedMoment>[],
    sought: SoughtPictures | undefined,
    tenant: string,
  ): Promise<ReadonlyMap<string, NearestVector>> {
    const ids = page
      .filter(({ placings }) => placings.some(({ channel }) => channel === "image"))
      .map(({ row }) => row.id);
    if (sought === undefined || ids.length === 0) return new Map();
    const { space, vectors } = sought;
    const found = await this.#index.vectorsOf(space, ids, tenant);
    return new Map([...found].map(([id, its]) => [id, { space, index: nearestOf(its, vectors) }]));
  }
}

function isTextField(channel: Channel): channel is TextField {
  return channel !== "text" && channel !== "image";
}

function questionOf(kind: SpaceKind, sought: Exclude<Sought, { kind: "moment" }>): Question | undefined {
  if (sought.kind === "words")
    return { stage: kind === "text" ? "embed.text" : "embed.image", text: sought.query.text };
  return kind === "image" ? { stage: "embed.image", image: sought.image } : undefined;
}

/** At most so many of a list, from its first to its last. */
function spread<T>(list: readonly T[], most: number): T[] {
  return list.filter(
    (_, i) =>
      list.length <= most || Math.floor((i * most) / list.length) !== Math.floor(((i - 1) * most) / list.length),
  );
}

/** Several lists as one, each row by its best score, best first. */
function nearest(lists: readonly (readonly Scored[])[]): Scored[] {
  const best = new Map<string, Scored>();
  for (const scored of lists.flat())
    if (scored.score > (best.get(scored.row.id)?.score ?? Number.NEGATIVE_INFINITY)) best.set(scored.row.id, scored);
  return [...best.values()].sort((a, b) => b.score - a.score);
}

/** Place of the vector that has the highest cosine with any of those sought; all are of length 1. */
function nearestOf(vectors: readonly Float32Array[], sought: readonly Float32Array[]): number {
  const likeness = (vector: Float32Array) =>
    Math.max(...sought.map((other) => vector.reduce((sum, value, i) => sum + value * (other[i] ?? 0), 0)));
  const all = vectors.map(likeness);
  return all.indexOf(Math.max(...all));
}

function resultOf(
  hit: Ranked<IndexedMoment>,
  query: Query,
  picture: NearestVector | undefined,
  where: readonly NamedFilter[],
): Result {
  const { row, score } = hit;
  const { snippet, at_ms, why } = explain(hit, query, picture);
  const held = heldValues(row, where);
  return {
    asset: row.asset,
    source: row.source,
    startMs: row.start_ms,
    endMs: row.end_ms,
    score,
    snippet,
    why: [
      ...why.map(({ channel, rank, score: own, matched }) => ({ channel, rank, score: own, matched: [...matched] })),
      ...(where.length === 0 ? [] : [{ channel: "where", rank: 0, score: 0, matched: [...held.matched] }]),
    ],
    moment: row.id,
    title: row.title,
    // In a list nothing else says when.
    atMs: (why.length === 0 ? held.atMs : undefined) ?? at_ms,
  };
}
