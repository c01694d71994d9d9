import type { FloorOptions } from "./floor.ts";

/** One channel's rows, best first, as the index gives them. */
export type Channel<Row> = {
  /** A text field, `text` or `image`. */
  readonly name: string;
  readonly rows: readonly { readonly row: Row; readonly score: number }[];
} & (
  | {
      /** Scores are BM25. */
      readonly kind: "words";
    }
  | {
      /** Scores are cosine similarities. */
      readonly kind: "meaning";
      /** The space's own. */
      readonly floor: FloorOptions;
      /** Where a query's words were embedded one by one: those the model knows, and those it does not. */
      readonly words?: { readonly known: readonly string[]; readonly unknown: readonly string[] };
    }
);

/** What one channel says of a row. */
export interface Placing {
  readonly channel: string;
  /** From 1; rows of equal score share the better rank. */
  readonly rank: number;
  readonly score: number;
}

export interface Fused<Row> {
  readonly row: Row;
  /** Sum over channels of weight / (k + rank). Compares within one answer only. */
  readonly score: number;
  /** In order of what they add. */
  readonly placings: readonly Placing[];
}

/** Lower ranks count little against each other below about this one. The value of the paper, kept by everyone since. */
const RRF_K = 60;

/** Reciprocal rank fusion (G. V. Cormack, C. L. A. Clarke, S. Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank
 * learning methods", SIGIR 2009), with a weight for each channel: scores of different kinds never mix, only places do.
 * @param weights by channel name; 1 where absent, 0 leaves a channel out
 * @returns every row of any channel once, best first; equal scores in order of id, so that paging is stable */
export function fuse<Row extends { readonly id: string }>(
  channels: readonly Channel<Row>[],
  weights: Readonly<Record<string, number>> = {},
): Fused<Row>[] {
  const fused = new Map<string, { row: Row; score: number; placings: (Placing & { readonly share: number })[] }>();
  for (const { name, rows } of channels) {
    const weight = weights[name] ?? 1;
    if (weight <= 0) continue;
    let rank = 0;
    let previous = Number.NaN;
    for (const [i, { row, score }] of rows.entries()) {
      if (score !== previous) rank = i + 1;
      previous = score;
      const share = weight / (RRF_K + rank);
      const entry = fused.get(row.id) ?? { row, score: 0, placings: [] };
      entry.score += share;
      entry.placings.push({ channel: name, rank, score, share });
      fused.set(row.id, entry);
    }
  }
  return [...fused.values()]
    .sort((a, b) => b.score - a.score || (a.row.id < b.row.id ? -1 : 1))
    .map(({ row, score, placings }) => ({
      row,
      score,
      placings: placings
        .sort((a, b) => b.share - a.share)
        .map(({ channel, rank, score: own }) => ({ channel, rank, score: own })),
    }));
}

/** At most `cap` hits of each asset, the order kept: one long film does not fill the page. */
export function capPerAsset<Hit extends { readonly row: { readonly asset: string } }>(
  hits: readonly Hit[],
  cap: number,
): Hit[] {
  const taken = new Map<string, number>();
  return hits.filter(({ row }) => {
    const count = (taken.get(row.asset) ?? 0) + 1;
    taken.set(row.asset, count);
    return count <= cap;
  });
}
