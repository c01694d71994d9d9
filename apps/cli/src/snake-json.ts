/** Fields whose keys are data, not names of the contract. */
const MAPS = new Set(["attributes", "bytes"]);

/** A message of the API as JSON with the contract's own field names (`start_ms`), default values present, times as ISO 8601, absent ones null. */
export function snakeJson(value: unknown): unknown {
  if (value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(snakeJson);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, field]) => [
      key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      MAPS.has(key) ? field : snakeJson(field),
    ]),
  );
}
