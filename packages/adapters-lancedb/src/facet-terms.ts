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
