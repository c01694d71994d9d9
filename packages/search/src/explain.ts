import { tokensOf } from "./analyze.ts";
import type { Fused } from "./fuse.ts";
import type { Query } from "./query.ts";
import { FIELDS, type Field } from "./rank.ts";
import { snippetOf } from "./snippet.ts";

/** What explaining needs of a row of the index; `IndexedMoment` has it. */
export interface ExplainedRow extends Readonly<Record<Exclude<Field, "labels">, string>> {
  readonly labels: readonly string[];
}

export interface Why {
  readonly channel: string;
  readonly rank: number;
  /** BM25, or cosine similarity. */
  readonly score: number;
  /** Words of the row, folded, that match the query; none for likeness. */
  readonly matched: readonly string[];
}

/** Why a row is an answer, and the text that shows it. Takes the row's texts apart, so it is for the page that is shown, not for all that was found. */
export function explain(
  { row, placings }: Fused<ExplainedRow>,
  query: Query,
): { readonly snippet: string; readonly why: readonly Why[] } {
  const wanted = new Set(query.terms);
  const matched = new Map<string, ReadonlySet<string>>();
  for (const field of FIELDS) {
    const tokens = tokensOf(shown(row, field));
    matched.set(field, new Set(tokens.filter(({ term }) => wanted.has(term)).map(({ folded }) => folded)));
  }
  const why = placings.map(({ channel, rank, score }) => ({
    channel,
    rank,
    score,
    matched: [...(matched.get(channel) ?? [])],
  }));
  return { snippet: bestSnippet(row, query, matched), why };
}

/** From the field with the most matching words; without any, from the first that has a text. */
function bestSnippet(row: ExplainedRow, query: Query, matched: ReadonlyMap<string, ReadonlySet<string>>): string {
  const count = (field: Field) => matched.get(field)?.size ?? 0;
  const best = FIELDS.filter((field) => shown(row, field) !== "").reduce<Field | undefined>(
    (most, field) => (most === undefined || count(field) > count(most) ? field : most),
    undefined,
  );
  return best === undefined ? "" : snippetOf(shown(row, best), query.terms).text;
}

/** A field's text as people read it. */
function shown(row: ExplainedRow, field: Field): string {
  return field === "labels" ? [...new Set(row.labels)].join(", ") : row[field];
}
