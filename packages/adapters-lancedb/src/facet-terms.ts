/** A field's value as one word of a list: what filters look for. Half a surrogate pair, which UTF-8 cannot hold, becomes U+FFFD in both. */
export function facetTerm(field: string, value: string): string {
  return JSON.stringify([field.toWellFormed(), value.toWellFormed()]);
}

export function writeFacets(fields: ReadonlyMap<string, readonly string[]>): string[] {
  return [...fields].flatMap(([field, values]) => values.map((value) => facetTerm(field, value)));
}

/** What `writeFacets` wrote. */
export function readFacets(terms: readonly string[]): Map<string, string[]> {
  const fields = new Map<string, string[]>();
  for (const term of terms) {
    const [field, value] = JSON.parse(term) as [string, string];
    fields.set(field, [...(fields.get(field) ?? []), value]);
  }
  return fields;
}

/** How many rows have each value of each field.
 * @param rows of each what `writeFacets` wrote */
export function countFacets(rows: Iterable<Iterable<unknown>>): Map<string, Map<string, number>> {
  const byTerm = new Map<string, number>();
  for (const terms of rows)
    for (const term of new Set(terms)) byTerm.set(String(term), (byTerm.get(String(term)) ?? 0) + 1);
  const fields = new Map<string, Map<string, number>>();
  for (const [term, count] of byTerm) {
    const [field, value] = JSON.parse(term) as [string, string];
    fields.set(field, (fields.get(field) ?? new Map<string, number>()).set(value, count));
  }
  return fields;
}
