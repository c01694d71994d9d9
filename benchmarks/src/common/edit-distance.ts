/** Fewest insertions, deletions and substitutions that make `b` of `a` (Levenshtein 1966). Pure. */
export function editDistance<T>(a: readonly T[], b: readonly T[]): number {
  let row = [0, ...b.map((_, j) => j + 1)];
  for (const [i, c] of a.entries()) {
    const next = [i + 1];
    for (const [j, d] of b.entries())
      next.push(Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (c === d ? 0 : 1)));
    row = next;
  }
  return row.at(-1) ?? 0;
}
