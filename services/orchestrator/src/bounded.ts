/** Maps values with at most `limit` calls under way. Results in the order of the values; rejects as soon as one does, and begins no further ones. */
export async function mapBounded<T, R>(
  values: readonly T[],
  limit: number,
  map: (value: T, index: number) => Promise<R>,
): Promise<R[]> {
  const results = new Array<R>(values.length);
  let next = 0;
  let failed = false;
  const work = async () => {
    while (next < values.length && !failed) {
      const index = next++;
      try {
        results[index] = await map(values[index] as T, index);
      } catch (reason) {
        failed = true;
        throw reason;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, values.length) }, work));
  return results;
}
