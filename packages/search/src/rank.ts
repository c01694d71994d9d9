import { coverageOf, type FloorOptions, idfOf, strength } from "./floor.ts";
import { type Channel, type Fused, fuse } from "./fuse.ts";
import type { Query } from "./query.ts";

/** Text fields of a row, in the order in which one is preferred to show a match. */
export const FIELDS = ["spoken", "written", "names", "described", "custom", "labels"] as const;
export type Field = (typeof FIELDS)[number];

/** What ranking needs of a row of the index; `IndexedMoment` has it. */
export interface RankedRow {
  readonly id: string;
  /** Of each field the words as `analyze` gives them, in order, single spaces between. */
  readonly terms: Readonly<Record<Field, string>>;
}

/** An answer. */
export interface Ranked<Row> extends Fused<Row> {
  /** How far above the floor: at least 1, and comparable between queries. */
  readonly strength: number;
}

export interface RankInput<Row> {
  /** Without terms, as when a picture is what is asked for, only likeness counts. */
  readonly query: Query;
  readonly channels: readonly Channel<Row>[];
  /** Rows of the tenant's archive, and in how many of them each term of the query stands: one map for each text field searched. */
  readonly rows: number;
  readonly frequencies: readonly ReadonlyMap<string, number>[];
  readonly weights?: Readonly<Record<string, number>>;
}

/** Words are surer than an average of meanings; what is said and written is surer than what a model sees. A label is a single word that may hold
 * for hours: it counts least, so that it breaks ties among what is said and stands alone where nothing is. */
export const DEFAULT_WEIGHTS: Readonly<Record<string, number>> = {
  spoken: 1,
  written: 1,
  names: 1,
  custom: 1,
  described: 0.8,
  labels: 0.6,
  text: 0.8,
  image: 0.8,
};

/** Below this share of known words a query's vector is not used: that of half a question is none. */
const MIN_KNOWN_SHARE = 0.5;

/** From the channels' lists to answers: rows below the floor are dropped, so that "nothing matches" is a possible answer; the rest is fused.
 * Evidence is taken from the row itself, over all its fields: "harbour exit 14" may be half said and half written. Of several likenesses the
 * one furthest above its channel's floor counts. A quoted phrase must stand in one field, word after word. Function words are never evidence.
 * Pure; the order is total. @returns best first, not capped by asset; `explain` says why each is there */
export function rankMoments<Row extends RankedRow>(input: RankInput<Row>): Ranked<Row>[] {
  const { query } = input;
  const asked = query.terms.filter((term) => !query.asides.includes(term));
  const idf = idfOf(asked, input.rows, input.frequencies);
  const channels = input.channels.filter(isUsable(query));
  const likenesses = new Map<string, { similarity: number; floor: FloorOptions }[]>();
  for (const channel of channels) {
    if (channel.kind !== "meaning") continue;
    for (const { row, score } of channel.rows) {
      const its = likenesses.get(row.id) ?? [];
      its.push({ similarity: score, floor: channel.floor });
      likenesses.set(row.id, its);
    }
  }
  const strengths = new Map<string, number>();
  const strengthOf = (row: Row): number => {
    const known = strengths.get(row.id);
    if (known !== undefined) return known;
    const coverage = coverageOf(idf, termsIn(row, asked));
    const alone = strength({ coverage, similarity: undefined });
    const made = (likenesses.get(row.id) ?? []).map(({ similarity, floor }) =>
      strength({ coverage, similarity }, floor),
    );
    const total = hasPhrases(row, query) ? Math.max(alone, ...made) : 0;
    strengths.set(row.id, total);
    return total;
  };
  // The floor comes first: places are then counted among answers alone.
  const kept = channels.map((channel) => ({
    ...channel,
    rows: channel.rows.filter(
      ({ row, score }) => strengthOf(row) >= 1 && (channel.kind === "words" || score > channel.floor.unrelated),
    ),
  }));
  return fuse(kept, input.weights ?? DEFAULT_WEIGHTS).map((found) => ({ ...found, strength: strengthOf(found.row) }));
}

/** Without terms no text is evidence; without enough known words no vector of them is. */
function isUsable({ terms }: Query): (channel: Channel<unknown>) => boolean {
  return (channel) => {
    if (channel.kind === "words") return terms.length > 0;
    if (channel.words === undefined) return true;
    const known = channel.words.known.length;
    return known > 0 && known >= MIN_KNOWN_SHARE * (known + channel.words.unknown.length);
  };
}

function termsIn(row: RankedRow, terms: readonly string[]): Set<string> {
  const texts = FIELDS.map((field) => ` ${row.terms[field]} `);
  return new Set(terms.filter((term) => texts.some((text) => text.includes(` ${term} `))));
}

function hasPhrases(row: RankedRow, { phrases }: Query): boolean {
  return phrases.every((phrase) => FIELDS.some((field) => ` ${row.terms[field]} `.includes(` ${phrase.join(" ")} `)));
}
