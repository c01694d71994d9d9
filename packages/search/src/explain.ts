import { tokensOf } from "./analyze.ts";
import type { Fused } from "./fuse.ts";
import { instantAt, readInstants } from "./instants.ts";
import type { Query } from "./query.ts";
import { FIELDS, type Field } from "./rank.ts";
import { type Snippet, snippetOf } from "./snippet.ts";

/** What explaining needs of a row of the index; `IndexedMoment` has it. */
export interface ExplainedRow extends Readonly<Record<Exclude<Field, "labels">, string>> {
  readonly labels: readonly string[];
  readonly start_ms: number;
  /** As `writeInstants` wrote it. */
  readonly instants: string;
}

/** Of a row's vectors in a space, the one that is nearest to what was asked for. */
export interface NearestVector {
  readonly space: string;
  /** Its place among the row's vectors of the space. */
  readonly index: number;
}

export interface Why {
  readonly channel: string;
  readonly rank: number;
  /** BM25, or cosine similarity. */
  readonly score: number;
  /** Words of the row, folded, that match the query; none for likeness. */
  readonly matched: readonly string[];
}

export interface Explanation {
  /** The text that shows the match; without matching words, the first that there is. */
  readonly snippet: string;
  /** When to look, ms: the instant of the nearest picture where looks found the row, or found it best; else of what the snippet shows; else the row's start. */
  readonly at_ms: number;
  readonly why: readonly Why[];
}

/** Why a row is an answer, and when. Takes the row's texts apart, so it is for the page that is shown, not for all that was found.
 * @param picture the nearest one, where the channel `image` found the row */
export function explain(
  { row, placings }: Fused<ExplainedRow>,
  query: Query,
  picture: NearestVector | undefined = undefined,
): Explanation {
  const wanted = new Set(query.terms);
  const texts = FIELDS.map((field) => {
    const text = textOf(row, field);
    const matches = tokensOf(text).filter(({ term }) => wanted.has(term));
    return { field, text, matched: new Set(matches.map(({ folded }) => folded)) };
  });
  // Of the field with the most matching words; without any, of the first that has a text.
  const shown = texts
    .filter(({ text }) => text !== "")
    .reduce<(typeof texts)[number] | undefined>(
      (most, one) => (most === undefined || one.matched.size > most.matched.size ? one : most),
      undefined,
    );
  const { field = "spoken", text = "" } = shown ?? {};
  const snippet = field === "labels" ? labelSnippet(text, query) : snippetOf(text, query);
  const instants = readInstants(row.instants);
  const pictured = picture === undefined ? undefined : instants.vectors[picture.space]?.[picture.index];
  const looksFirst = snippet.at === undefined || placings[0]?.channel === "image";
  return {
    snippet: snippet.text,
    at_ms:
      (looksFirst ? pictured : undefined) ?? instantAt(instants.texts[field], text, snippet.at ?? 0) ?? row.start_ms,
    why: placings.map(({ channel, rank, score }) => {
      const words = texts.find((one) => one.field === channel)?.matched ?? [];
      return { channel, rank, score, matched: [...words] };
    }),
  };
}

/** The labels that are asked for, else all. Of those that say the most, the one seen least says when: where that is seen, the others likely are, too.
 * @param text labels one to a line, what is seen most first */
function labelSnippet(text: string, query: Query): Pick<Snippet, "text" | "at"> {
  const asked: string[] = [];
  let best: { readonly at: number; readonly worth: number } | undefined;
  let at = 0;
  for (const label of text.split("\n")) {
    const terms = new Set(tokensOf(label).map(({ term }) => term)).intersection(new Set(query.terms));
    const worth = terms.difference(new Set(query.asides)).size;
    if (terms.size > 0) asked.push(label);
    if (terms.size > 0 && worth >= (best?.worth ?? 0)) best = { at, worth };
    at += label.length + 1;
  }
  const shown = asked.length > 0 ? asked : text.split("\n");
  return { text: snippetOf(shown.join(", "), query).text, at: best?.at };
}

/** A field's text with the lines that `Instants` knows: labels once each. */
function textOf(row: ExplainedRow, field: Field): string {
  return field === "labels" ? [...new Set(row.labels)].join("\n") : row[field];
}
