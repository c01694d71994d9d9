import { tokensOf } from "./analyze.ts";
import { coverageOf, FLOOR, type FloorOptions, idfOf, strength } from "./floor.ts";
import { type Channel, fuse } from "./fuse.ts";
import type { Query } from "./query.ts";
import { snippetOf } from "./snippet.ts";

/** What ranking needs of a row of the index; `MomentRow` has it. */
export interface RankedRow {
  readonly id: string;
  readonly asset: string;
  readonly spoken: string;
  readonly written: string;
  readonly described: string;
  readonly names: string;
  readonly custom: string;
}

export interface Why {
  readonly channel: string;
  readonly rank: number;
  /** BM25, or cosine similarity. */
  readonly score: number;
  /** Words of the row, folded, that match the query; none for meaning. */
  readonly matched: readonly string[];
}

export interface Hit<Row> {
  readonly row: Row;
  /** Fused score; compares within one answer only. */
  readonly score: number;
  /** How far above the floor: at least 1, and comparable between queries. */
  readonly strength: number;
  readonly snippet: string;
  /** Strongest channel first. */
  readonly why: readonly Why[];
}

export interface RankInput<Row> {
  readonly query: Query;
  readonly channels: readonly Channel<Row>[];
  /** Rows of the tenant's archive, and in how many of them each term of the query stands: one map for each text field searched. */
  readonly rows: number;
  readonly frequencies: readonly ReadonlyMap<string, number>[];
  /** Of the query's words, those the embedding model knows and those it does not: a vector of half a question is none. */
  readonly words?: { readonly known: readonly string[]; readonly unknown: readonly string[] };
  readonly weights?: Readonly<Record<string, number>>;
  readonly floor?: FloorOptions;
}

/** Words are surer than an average of meanings; what is said and written is surer than what a model describes. */
export const DEFAULT_WEIGHTS: Readonly<Record<string, number>> = {
  spoken: 1,
  written: 1,
  names: 1,
  custom: 1,
  described: 0.8,
  text: 0.8,
};
const FIELDS = ["spoken", "written", "described", "names", "custom"] as const;
/** Below this share of known words the query's vector is not used. */
const MIN_KNOWN_SHARE = 0.5;

/** From the channels' lists to answers: rows below the floor are dropped, so that "nothing matches" is a possible answer; the rest is fused,
 * and each hit says why it is there. Evidence is taken from the row itself, over all its fields: "harbour exit 14" may be half said and half
 * written. A quoted phrase must stand in one field, word after word. Function words are never evidence.
 * Pure; the order is total. @returns best first, not capped by asset */
export function rankMoments<Row extends RankedRow>(input: RankInput<Row>): Hit<Row>[] {
  const { query, floor = FLOOR } = input;
  const idf = idfOf(query.terms, input.rows, input.frequencies);
  const channels = usable(input);
  const similarity = new Map<string, number>();
  for (const channel of channels) {
    if (channel.kind !== "meaning") continue;
    for (const { row, score } of channel.rows) similarity.set(row.id, Math.max(score, similarity.get(row.id) ?? -1));
  }
  const judged = new Map<string, { strength: number; matches: Matches } | undefined>();
  const judge = (row: Row) => {
    if (!judged.has(row.id)) {
      const matches = matchesOf(row, query);
      const evidence = { coverage: coverageOf(idf, matches.terms), similarity: similarity.get(row.id) };
      const made = strength(evidence, floor);
      judged.set(row.id, made >= 1 && matches.phrases ? { strength: made, matches } : undefined);
    }
    return judged.get(row.id);
  };
  // The floor comes first: places are then counted among answers alone.
  const kept = channels.map((channel) => ({
    ...channel,
    rows: channel.rows.filter(({ row, score }) => {
      const verdict = judge(row);
      if (verdict === undefined) return false;
      return channel.kind === "words"
        ? isField(channel.name) && verdict.matches.fields[channel.name].size > 0
        : score > floor.unrelated;
    }),
  }));
  return fuse(kept, input.weights ?? DEFAULT_WEIGHTS).map(({ row, score, placings }) => {
    const verdict = judge(row);
    if (verdict === undefined) throw new Error("a row below the floor was fused");
    const { matches } = verdict;
    const why = placings.map(({ channel, rank, score: own }) => ({
      channel,
      rank,
      score: own,
      matched: isField(channel) ? [...matches.fields[channel]] : [],
    }));
    return { row, score, strength: verdict.strength, snippet: bestSnippet(row, query, matches), why };
  });
}

/** Without terms no text is evidence; without enough known words no vector is. */
function usable<Row>({ query, channels, words }: RankInput<Row>): readonly Channel<Row>[] {
  const known = words?.known.length ?? 0;
  const all = known + (words?.unknown.length ?? 0);
  const meant = words === undefined || (known > 0 && known >= MIN_KNOWN_SHARE * all);
  return channels.filter(({ kind }) => (kind === "words" ? query.terms.length > 0 : meant));
}

interface Matches {
  /** Terms of the query found in any field. */
  readonly terms: ReadonlySet<string>;
  /** Folded words of each field that match. */
  readonly fields: Readonly<Record<(typeof FIELDS)[number], ReadonlySet<string>>>;
  /** Every quoted phrase stands in some field. */
  readonly phrases: boolean;
}

const isField = (name: string): name is (typeof FIELDS)[number] => (FIELDS as readonly string[]).includes(name);

function matchesOf(row: RankedRow, query: Query): Matches {
  const wanted = new Set(query.terms);
  const terms = new Set<string>();
  const missing = new Set(query.phrases);
  const fields = {
    spoken: new Set<string>(),
    written: new Set<string>(),
    described: new Set<string>(),
    names: new Set<string>(),
    custom: new Set<string>(),
  };
  for (const field of FIELDS) {
    const tokens = tokensOf(row[field]);
    for (const { term, folded } of tokens) {
      if (!wanted.has(term)) continue;
      terms.add(term);
      fields[field].add(folded);
    }
    for (const phrase of missing)
      if (
        containsPhrase(
          tokens.map(({ term }) => term),
          phrase,
        )
      )
        missing.delete(phrase);
  }
  return { terms, fields, phrases: missing.size === 0 };
}

function containsPhrase(terms: readonly string[], phrase: readonly string[]): boolean {
  for (let at = terms.indexOf(phrase[0] ?? ""); at >= 0; at = terms.indexOf(phrase[0] ?? "", at + 1)) {
    if (phrase.every((term, i) => terms[at + i] === term)) return true;
  }
  return false;
}

/** From the field with the most matching words; without any, what is said, else written, else described. */
function bestSnippet(row: RankedRow, query: Query, matches: Matches): string {
  const filled = FIELDS.filter((field) => row[field] !== "");
  const best = filled.reduce<(typeof FIELDS)[number] | undefined>(
    (most, field) => (most === undefined || matches.fields[field].size > matches.fields[most].size ? field : most),
    undefined,
  );
  return best === undefined ? "" : snippetOf(row[best], query.terms).text;
}
