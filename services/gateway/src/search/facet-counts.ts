import type { FacetCount } from "@heimdex/contracts/v1/search";
import type { IndexedMoment } from "@heimdex/ports";
import { fieldName, fieldOfKey } from "@heimdex/search";

/** Rows by field and value, as the index names fields. */
export type FacetRows = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Values of one field that are told. */
const MOST_VALUES = 20;

/** How many of the rows have each value. */
export function countFacets(rows: readonly Pick<IndexedMoment, "facets">[]): FacetRows {
  const counts = new Map<string, Map<string, number>>();
  for (const { facets } of rows)
    for (const [field, values] of facets) {
      const own = counts.get(field) ?? new Map<string, number>();
      counts.set(field, own);
      for (const value of new Set(values)) own.set(value, (own.get(value) ?? 0) + 1);
    }
  return counts;
}

/** As the API tells it: fields by name, the most frequent value first, equal ones by name. */
export function facetCounts(counts: FacetRows): FacetCount[] {
  return [...counts]
    .map(([key, values]) => ({ field: fieldName(fieldOfKey(key, "facet")), values: [...values] }))
    .sort((a, b) => (a.field < b.field ? -1 : 1))
    .flatMap(({ field, values }) =>
      values
        .map(([value, moments]) => ({ field, value, moments }))
        .sort((a, b) => b.moments - a.moments || (a.value < b.value ? -1 : 1))
        .slice(0, MOST_VALUES),
    );
}
