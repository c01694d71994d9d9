/** JSON text with the keys of every object sorted by UTF-16 code units (RFC 8785's order) and no white space, so that equal values give equal bytes.
 * Throws for what JSON cannot hold: NaN, infinities, bigint, functions. Absent and undefined fields are the same. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(sorted(value, "$"));
}

function sorted(value: unknown, path: string): unknown {
  if (typeof value === "number" && !Number.isFinite(value))
    throw new TypeError(`${path} is ${value}, not a number JSON can hold`);
  if (typeof value === "function" || typeof value === "symbol" || typeof value === "bigint")
    throw new TypeError(`${path} is a ${typeof value}, which JSON cannot hold`);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item, at) => sorted(item, `${path}[${at}]`));
  if ("toJSON" in value && typeof value.toJSON === "function") return sorted(value.toJSON(), path);
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner, `${path}.${key}`)]));
}
