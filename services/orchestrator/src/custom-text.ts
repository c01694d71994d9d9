import type { StageRecord } from "@heimdex/kernel";
import type { MomentItem, MomentLayer } from "@heimdex/search";

/** Says what of a custom layer's item is searched: the fields that the layer's schema marks with `x-heimdex-search: text`. A kind no stage has registered
 * (another tool put it there) is searched by its items' field `text`. */
export function customTextOf(stages: readonly StageRecord[]): (layer: MomentLayer, item: MomentItem) => string {
  const fields = new Map<string, readonly string[]>();
  for (const { manifest } of stages)
    for (const port of manifest.outputs)
      if (port.layerSchema !== "") fields.set(port.schema, searchedFields(JSON.parse(port.layerSchema)));
  return (layer, item) =>
    (fields.get(layer.kind) ?? ["text"])
      .flatMap((field) => {
        const value = (item as Readonly<Record<string, unknown>>)[field];
        return typeof value === "string" ? [value.replace(/\s+/gu, " ").trim()] : [];
      })
      .join("\n");
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly items?: JsonSchema;
  readonly "x-heimdex-search"?: unknown;
}

function searchedFields(schema: unknown): string[] {
  const item = (schema as JsonSchema | null)?.properties?.items?.items?.properties ?? {};
  return Object.entries(item).flatMap(([name, field]) => (field?.["x-heimdex-search"] === "text" ? [name] : []));
}
