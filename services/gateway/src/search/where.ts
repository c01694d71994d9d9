import { customLayerPorts, type StageRecord } from "@heimdex/kernel";
import { type Catalog, type NumberRange, readAll } from "@heimdex/ports";
import { type CustomField, customFields, fieldKey, fieldName } from "@heimdex/search";
import type { Violations } from "../violations.ts";
import type { NamedFilter } from "./held-values.ts";

const CONDITION = /^([^=<>]+)(>=|<=|=|>|<)(.*)$/su;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Of a field, what is asked for: values, which are alternatives, and bounds. */
interface Asked {
  readonly field: CustomField;
  readonly values: string[];
  bounds: NumberRange | undefined;
}

/** Conditions on custom layers' fields, as `SearchRequest.where` describes them, as filters of the index.
 * @param violations hears of each condition that cannot be kept, with what could be asked for */
export async function readWhere(
  where: readonly string[],
  catalog: Catalog,
  violations: Violations,
): Promise<NamedFilter[]> {
  if (where.length === 0) return [];
  const stages: StageRecord[] = [];
  for await (const { body } of readAll<StageRecord>(catalog, { collection: "stages" })) stages.push(body);
  const fields = customFields(customLayerPorts(stages));
  const asked = new Map<string, Asked>();
  for (const [i, condition] of where.entries()) {
    const problem = readCondition(condition, fields, asked);
    if (problem !== undefined) violations.add(`where[${i}]`, problem);
  }
  return [...asked.values()].flatMap(filtersOf);
}

/** Adds a condition to what is asked of its field. Says what is wrong with it, if anything. */
function readCondition(
  condition: string,
  fields: readonly CustomField[],
  asked: Map<string, Asked>,
): string | undefined {
  const [, name = "", operator = "", given = ""] = CONDITION.exec(condition) ?? [];
  if (operator === "") return `must be FIELD=VALUE, or FIELD>=N and the like; ${choices(fields)}`;
  const found = fieldsNamed(name.trim(), fields);
  const [field] = found;
  if (field === undefined) return `names no field to filter by: ${name.trim()}; ${choices(fields)}`;
  if (found.length > 1) return `may mean ${found.map(fieldName).join(" or ")}: give the whole name`;
  if (field.search === "text") return `${fieldName(field)} is text: search for its words; ${choices(fields)}`;
  const value = field.search === "number" ? given.trim() : given;
  if (field.search === "facet" && operator !== "=") return `${fieldName(field)} is no number: it takes \`=\` alone`;
  if (field.search === "number" && !(NUMBER.test(value) && Number.isFinite(Number(value))))
    return `${fieldName(field)} is a number, ${JSON.stringify(value)} is not`;
  const key = fieldKey(field);
  const of = asked.get(key) ?? { field, values: [], bounds: undefined };
  asked.set(key, of);
  if (operator === "=") of.values.push(value);
  else of.bounds = tightened(of.bounds ?? {}, operator, Number(value));
  return undefined;
}

/** The field of that name; else those whose name ends so behind a dot. */
function fieldsNamed(name: string, fields: readonly CustomField[]): readonly CustomField[] {
  const whole = fields.filter((field) => fieldName(field) === name);
  if (whole.length > 0) return whole;
  const filters = fields.filter((field) => fieldName(field).endsWith(`.${name}`));
  // One that is only searched by its words stands in no other's way.
  const useful = filters.filter(({ search }) => search !== "text");
  return useful.length > 0 ? useful : filters;
}

function tightened(range: NumberRange, operator: string, n: number): NumberRange {
  switch (operator) {
    case ">=":
      return { ...range, min: Math.max(n, range.min ?? n) };
    case ">":
      return { ...range, above: Math.max(n, range.above ?? n) };
    case "<=":
      return { ...range, max: Math.min(n, range.max ?? n) };
    default:
      return { ...range, below: Math.min(n, range.below ?? n) };
  }
}

function filtersOf({ field, values, bounds }: Asked): NamedFilter[] {
  const common = { of: field, field: fieldKey(field) };
  if (field.search === "facet") return [{ ...common, values }];
  const exact = values.map(Number).map((n) => ({ min: n, max: n }));
  return [...(exact.length > 0 ? [exact] : []), ...(bounds === undefined ? [] : [[bounds]])].map((ranges) => ({
    ...common,
    ranges,
  }));
}

function choices(fields: readonly CustomField[]): string {
  const useful = fields
    .filter(({ search }) => search !== "text")
    .map((field) => `${fieldName(field)} (${field.search})`);
  return useful.length === 0
    ? "there is none: no stage's layer marks a field `x-heimdex-search: facet` or `number`"
    : `there are ${useful.sort().join(", ")}`;
}
