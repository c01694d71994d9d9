import type { MomentItem, MomentLayer } from "./moment.ts";

/** A field of a custom layer's items that is searched, as its schema says by `x-heimdex-search`. */
export interface CustomField {
  /** Kind of the layer: `org.example.loudness`. */
  readonly kind: string;
  /** Properties from the item down; lists on the way are gone through. */
  readonly path: readonly string[];
  /** - text: found by its words. - facet: filtered by exact values. - number: filtered by ranges. */
  readonly search: "text" | "facet" | "number";
}

/** What an item of a custom layer adds to the moments it belongs to. Fields by `fieldKey`. */
export interface CustomValues {
  readonly texts: readonly string[];
  readonly facets: readonly (readonly [field: string, value: string])[];
  readonly numbers: readonly (readonly [field: string, value: number])[];
}

/** How people name a field: `org.example.loudness.lufs`. */
export function fieldName({ kind, path }: CustomField): string {
  return [kind, ...path].join(".");
}

/** How rows name a field: no two layers share one, whatever their names. */
export function fieldKey({ kind, path }: CustomField): string {
  return JSON.stringify([kind, ...path]);
}

/** The field that rows name so. */
export function fieldOfKey(key: string, search: CustomField["search"]): CustomField {
  const [kind = "", ...path] = JSON.parse(key) as string[];
  return { kind, path, search };
}

/** Fields that custom layers' schemas mark to be searched. Of two ports of one kind the first counts.
 * @param ports output ports; those without a layer's schema are passed over */
export function customFields(
  ports: readonly { readonly schema: string; readonly layerSchema: string }[],
): CustomField[] {
  const byKind = new Map<string, CustomField[]>();
  for (const { schema: kind, layerSchema } of ports) {
    if (layerSchema === "" || byKind.has(kind)) continue;
    const marked = new Map<string, CustomField>();
    const root = JSON.parse(layerSchema) as unknown;
    const items = property(root, resolve(root, root), "items");
    visit(root, propertyOf(resolve(root, items), "items"), [], new Set(), (path, search) => {
      const key = JSON.stringify(path);
      if (path.length > 0 && !marked.has(key)) marked.set(key, { kind, path, search });
    });
    byKind.set(kind, [...marked.values()]);
  }
  return [...byKind.values()].flat();
}

/** Reads what layers hold in the given fields. A kind that is not among them (another tool put it there) is searched by its items' field `text`.
 * @param kinds all kinds whose schema is known, also those that mark nothing */
export function customReader(
  fields: readonly CustomField[],
  kinds: ReadonlySet<string>,
): (layer: MomentLayer, item: MomentItem) => CustomValues {
  const byKind = Map.groupBy(fields, ({ kind }) => kind);
  return ({ kind }, item) => {
    if (!kinds.has(kind)) return { texts: strings([item.text]), facets: [], numbers: [] };
    const own = (byKind.get(kind) ?? []).map((field) => ({
      ...field,
      key: fieldKey(field),
      values: valuesAt(item, field.path),
    }));
    return {
      texts: own.flatMap(({ search, values }) => (search === "text" ? strings(values) : [])),
      facets: own.flatMap(({ search, key, values }) =>
        search === "facet" ? values.flatMap(facetValue).map((value) => [key, value] as const) : [],
      ),
      numbers: own.flatMap(({ search, key, values }) =>
        search === "number" ? values.filter(isNumber).map((value) => [key, value] as const) : [],
      ),
    };
  };
}

type Schema = Readonly<Record<string, unknown>>;

/** Calls `mark` for each marked property at or below a schema. References are followed once on each way down: a schema may contain itself. */
function visit(
  root: unknown,
  given: unknown,
  path: readonly string[],
  above: ReadonlySet<unknown>,
  mark: (path: readonly string[], search: CustomField["search"]) => void,
): void {
  const schema = resolve(root, given);
  if (schema === undefined || above.has(schema)) return;
  const way = new Set(above).add(schema);
  // Beside a reference as well as behind it.
  for (const search of [(given as Schema)["x-heimdex-search"], schema["x-heimdex-search"]])
    if (search === "text" || search === "facet" || search === "number") mark(path, search);
  for (const [name, below] of Object.entries((schema.properties ?? {}) as Schema))
    visit(root, below, [...path, name], way, mark);
  visit(root, schema.items, path, way, mark);
  for (const word of ["allOf", "anyOf", "oneOf"])
    if (Array.isArray(schema[word])) for (const below of schema[word]) visit(root, below, path, way, mark);
}

/** A schema, or what it refers to within the same document. */
function resolve(root: unknown, given: unknown): Schema | undefined {
  if (!isObject(given)) return undefined;
  if (typeof given.$ref !== "string") return given;
  if (!given.$ref.startsWith("#")) return undefined;
  const parts = given.$ref.slice(1).split("/").slice(1);
  const found = parts.reduce<unknown>((at, part) => propertyOf(at, unescaped(part)), root);
  return isObject(found) && found.$ref === undefined ? found : undefined;
}

function property(root: unknown, schema: Schema | undefined, name: string): unknown {
  return resolve(root, propertyOf(schema?.properties, name));
}

function propertyOf(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined;
}

/** A part of a JSON Pointer (RFC 6901) in a fragment. */
function unescaped(part: string): string {
  return decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
}

function valuesAt(value: unknown, path: readonly string[]): unknown[] {
  if (Array.isArray(value)) return value.flatMap((each) => valuesAt(each, path));
  const [name, ...rest] = path;
  if (name === undefined) return [value];
  return isObject(value) && Object.hasOwn(value, name) ? valuesAt(value[name], rest) : [];
}

function facetValue(value: unknown): string[] {
  return typeof value === "string" || typeof value === "boolean" || isNumber(value) ? [String(value)] : [];
}

function strings(values: readonly unknown[]): string[] {
  return values.filter((value) => typeof value === "string");
}

function isNumber(value: unknown): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

function isObject(value: unknown): value is Schema {
  return typeof value === "object" && value !== null;
}
