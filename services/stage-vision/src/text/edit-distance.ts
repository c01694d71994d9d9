/** Insertions, deletions and substitutions that make `b` of `a` (Levenshtein 1966), counted in code points.
 * @param limit stops counting beyond it: the result is then some number larger than `limit` */
export function editDistance(a: string, b: string, limit = Infinity): number {
  const s = [...a];
  const t = [...b];
  if (Math.abs(s.length - t.length) > limit) return limit + 1;
  let row = Array.from({ length: t.length + 1 }, (_, j) => j);
  for (const [i, c] of s.entries()) {
    const next = [i + 1];
    for (const [j, d] of t.entries()) {
      next.push(Math.min((row[j + 1] as number) + 1, (next[j] as number) + 1, (row[j] as number) + (c === d ? 0 : 1)));
    }
    if (Math.min(...next) > limit) return limit + 1;
    row = next;
  }
  return row[t.length] as number;
}
