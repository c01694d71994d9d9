/** Maps with at most `limit` calls at a time, in order of the items. The first error stops further calls from being made, and is thrown once those
 * under way have ended. */
export async function concurrently<T, R>(
  items: readonly T[],
  limit: number,
  signal: AbortSignal,
  map: (item: T, at: number) => Promise<R>,
): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  let failed: { readonly reason: unknown } | undefined;
  const lane = async () => {
    while (failed === undefined && next < items.length) {
      const at = next++;
      try {
        signal.throwIfAborted();
        results[at] = await map(items[at] as T, at);
      } catch (reason) {
        failed ??= { reason };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  if (failed !== undefined) throw failed.reason;
  return results;
}
