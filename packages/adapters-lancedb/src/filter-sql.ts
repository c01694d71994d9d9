import type { FieldFilter, MomentFilter } from "@heimdex/ports";
import { facetTerm } from "./facet-terms.ts";
import { rangePattern } from "./number-terms.ts";

/** A string as a literal of LanceDB's SQL: quotes doubled. Backslashes mean themselves there (tried on 0.39 with quotes, backslashes, control
 * characters, comments and placeholders). */
export function literal(text: string): string {
  return `'${text.toWellFormed().replaceAll("'", "''")}'`;
}

/** `IN (...)`, also for no value at all. */
export function inList(column: string, values: readonly string[]): string {
  return values.length === 0 ? "false" : `${column} IN (${values.map(literal).join(", ")})`;
}

/** A filter as a predicate. Evaluated before ranking (prefilter), so that `limit` counts rows that pass.
 * @param labelKey what a label is compared by */
export function filterSql(filter: MomentFilter, labelKey: (label: string) => string): string {
  const parts = [`tenant = ${literal(filter.tenant)}`];
  if (filter.assets !== undefined) parts.push(inList("asset", filter.assets));
  if (filter.to_ms !== undefined) parts.push(`start_ms < ${number(filter.to_ms)}`);
  // A moment without length overlaps when its instant lies within.
  if (filter.from_ms !== undefined)
    parts.push(`(end_ms > ${number(filter.from_ms)} OR start_ms >= ${number(filter.from_ms)})`);
  if (filter.languages !== undefined)
    parts.push(
      hasAny(
        "language_ranges",
        filter.languages.map((tag) => tag.toLowerCase()),
      ),
    );
  if (filter.labels !== undefined) parts.push(hasAny("label_keys", filter.labels.map(labelKey)));
  for (const field of filter.fields ?? []) parts.push(fieldSql(field));
  return parts.join(" AND ");
}

function fieldSql(filter: FieldFilter): string {
  if ("values" in filter)
    return hasAny(
      "facets",
      filter.values.map((value) => facetTerm(filter.field, value)),
    );
  const pattern = rangePattern(filter.field, filter.ranges);
  return pattern === undefined ? "false" : `regexp_like(numbers, ${literal(pattern)})`;
}

function hasAny(column: string, values: readonly string[]): string {
  return values.length === 0 ? "false" : `array_has_any(${column}, make_array(${values.map(literal).join(", ")}))`;
}

function number(value: number): string {
  if (Number.isNaN(value)) return "0";
  return `CAST(${Math.max(-1e300, Math.min(1e300, value))} AS DOUBLE)`;
}

/** All language ranges that a tag matches by RFC 4647 basic filtering, in lower case: `en-US` gives `en` and `en-us`. */
export function languageRanges(tags: readonly string[]): string[] {
  const ranges = new Set<string>();
  for (const tag of tags) {
    const subtags = tag.toLowerCase().split("-");
    for (let n = 1; n <= subtags.length; n++) ranges.add(subtags.slice(0, n).join("-"));
  }
  return [...ranges];
}
