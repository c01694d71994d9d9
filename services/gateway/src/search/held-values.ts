import type { FieldFilter, IndexedMoment, NumberRange } from "@heimdex/ports";
import { type CustomField, fieldName, readInstants } from "@heimdex/search";

/** A filter of the index, and the field it is about. */
export type NamedFilter = FieldFilter & { readonly of: CustomField };

/** What a moment has of what was asked for, as `FIELD=VALUE`, and when the earliest of it is there. */
export function heldValues(
  row: Pick<IndexedMoment, "facets" | "numbers" | "instants">,
  filters: readonly NamedFilter[],
): { readonly matched: readonly string[]; readonly atMs: number | undefined } {
  const times = readInstants(row.instants).fields ?? {};
  const held = filters.flatMap((filter) => {
    const own: ReadonlyMap<string, readonly (string | number)[]> = "values" in filter ? row.facets : row.numbers;
    const values = own.get(filter.field) ?? [];
    return values.flatMap((value, i) =>
      holds(filter, value) ? [{ text: `${fieldName(filter.of)}=${value}`, atMs: times[filter.field]?.[i] }] : [],
    );
  });
  const instants = held.flatMap(({ atMs }) => atMs ?? []);
  return {
    matched: [...new Set(held.map(({ text }) => text))],
    atMs: instants.length === 0 ? undefined : Math.min(...instants),
  };
}

function holds(filter: FieldFilter, value: string | number): boolean {
  if ("values" in filter) return filter.values.includes(String(value));
  return filter.ranges.some((range) => lies(Number(value), range));
}

function lies(n: number, { min = n, max = n, above, below }: NumberRange): boolean {
  return n >= min && n <= max && (above === undefined || n > above) && (below === undefined || n < below);
}
