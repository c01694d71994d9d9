/** What several repetitions of one measurement gave. */
export interface Summary {
  readonly min: number;
  readonly median: number;
  readonly max: number;
  /** How many values there were. */
  readonly count: number;
}

/** Throws when there is no value: a figure without a measurement is none. */
export function summarise(values: readonly number[]): Summary {
  return {
    min: percentile(values, 0),
    median: percentile(values, 50),
    max: percentile(values, 100),
    count: values.length,
  };
}

/** The value below which `rank` percent of the values lie, between neighbours in proportion (type 7 of R. Hyndman, Y. Fan, "Sample Quantiles in
 * Statistical Packages", 1996). Throws when there is no value.
 * @param rank 0..100 */
export function percentile(values: readonly number[], rank: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = ((sorted.length - 1) * rank) / 100;
  const low = sorted[Math.floor(at)];
  const high = sorted[Math.ceil(at)];
  if (low === undefined || high === undefined) throw new RangeError("no values to take a percentile of");
  return low + (high - low) * (at - Math.floor(at));
}
