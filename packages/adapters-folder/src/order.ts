/** Orders names as stores do, by their bytes. Names are ASCII, where that is JavaScript's own order. */
export function byUtf8Bytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
