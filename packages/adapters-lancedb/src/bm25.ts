import type { TextField } from "@heimdex/ports";

/** Okapi BM25 with the usual constants and Lucene's idf, which is never negative: Robertson and Zaragoza, "The Probabilistic Relevance Framework:
 * BM25 and Beyond" (2009); Lucene's BM25Similarity. */
const K1 = 1.2;
const B = 0.75;

/** How much a row's length counts against it, 0..1, by field. A list of labels is no text that repeats itself. */
export const lengthWeight = (field: TextField): number => (field === "labels" ? 0 : B);

export interface FieldTotals {
  /** Rows with at least one token in the field. */
  readonly rows: number;
  /** Tokens in all of them. */
  readonly tokens: number;
}

export function idf(totalRows: number, rowsWithTerm: number): number {
  return Math.log(1 + (totalRows - rowsWithTerm + 0.5) / (rowsWithTerm + 0.5));
}

/** Score of one row: 0 when it has none of the terms.
 * @param tokens the row's tokens, in any order. @param idfs of each term asked for. @param b how much its length counts */
export function bm25(
  tokens: readonly string[],
  idfs: ReadonlyMap<string, number>,
  totals: FieldTotals,
  b: number = B,
): number {
  const frequencies = new Map<string, number>();
  for (const token of tokens) if (idfs.has(token)) frequencies.set(token, (frequencies.get(token) ?? 0) + 1);
  const meanLength = totals.tokens / Math.max(1, totals.rows);
  const norm = K1 * (1 - b + (b * tokens.length) / Math.max(1e-9, meanLength));
  let score = 0;
  for (const [term, frequency] of frequencies)
    score += ((idfs.get(term) ?? 0) * frequency * (K1 + 1)) / (frequency + norm);
  return score;
}
