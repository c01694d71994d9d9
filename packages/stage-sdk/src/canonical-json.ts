/** JSON text with the keys of every object sorted by UTF-16 code units and no white space (RFC 8785), so that equal values give equal bytes.
 * Throws, naming the path, for what JSON cannot hold: NaN, infinities, bigint, functions. Undefined fields are left out; in lists they are null. */
export function canonicalJson(value: unknown): string {
  return write(value, "$");
}

function write(value: unknown, path: string): string {
  switch (typeof value) {
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`${path} is ${value}, not a number JSON can hold`);
      return JSON.stringify(value);
    case "string":
    case "boolean":
      return JSON.stringify(value);
    case "undefined":
      return "null";
    case "object":
      break;
    default:
      throw new TypeError(`${path} is a ${typeof value}, which JSON cannot hold`);
  }
  if (value === null) return "null";
  if (Array.isArray(value)) return `[${value.map((item, at) => write(item, `${path}[${at}]`)).join(",")}]`;
  if ("toJSON" in value && typeof value.toJSON === "function") return write(value.toJSON(), path);
  const fields = value as Record<string, unknown>;
  const keys = Object.keys(fields).filter((key) => fields[key] !== undefined);
  return `{${keys
    .sort()
    .map((key) => `${JSON.stringify(key)}:${write(fields[key], `${path}.${key}`)}`)
    .join(",")}}`;
}
