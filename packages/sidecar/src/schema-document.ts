import { z } from "zod";
import { SIDECAR_SCHEMA, sidecar } from "./sidecar.ts";

/** A JSON Schema, as far as this package makes them. */
export interface JsonSchema {
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  title?: string;
  description?: string;
  examples?: unknown[];
  /** Unit of a number; only in the annotated form. */
  "x-unit"?: string;
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: JsonSchema[];
  pattern?: string;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  items?: JsonSchema;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  additionalProperties?: JsonSchema | boolean;
  [keyword: string]: unknown;
}

/** Where the JSON Schema of this major version is known by. */
export const SCHEMA_ID = `${SIDECAR_SCHEMA}/1`;

/** The sidecar as JSON Schema 2020-12, numbers with their units (`x-unit`): what the page of fields is made from. */
export function annotatedSchema(): JsonSchema {
  const {
    $schema,
    $defs,
    id: _id,
    ...root
  } = z.toJSONSchema(sidecar, {
    target: "draft-2020-12",
    io: "input",
  }) as JsonSchema;
  const types = Object.entries($defs ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return without({ $schema, $id: SCHEMA_ID, ...root, $defs: Object.fromEntries(types) }, isSafeBound) as JsonSchema;
}

/** The published form: without `x-unit`, which validators that refuse unknown keywords would stumble over. */
export function schemaDocument(): JsonSchema {
  return without(annotatedSchema(), (keyword) => keyword === "x-unit") as JsonSchema;
}

/** zod bounds integers by what a double holds exactly: noise that says nothing about the field. `id` is a keyword of no draft since 4. */
function isSafeBound(keyword: string, value: unknown): boolean {
  if (keyword === "maximum") return value === Number.MAX_SAFE_INTEGER;
  if (keyword === "minimum") return value === Number.MIN_SAFE_INTEGER;
  return keyword === "id" && typeof value === "string";
}

/** A copy of a schema without some keywords. Examples and the names of properties are left as they are. */
function without(schema: unknown, drop: (keyword: string, value: unknown) => boolean): unknown {
  if (Array.isArray(schema)) return schema.map((part) => without(part, drop));
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema).flatMap(([keyword, value]) => {
      if (keyword === "examples" || keyword === "const") return [[keyword, value]];
      if (keyword === "properties" || keyword === "$defs") {
        const parts = Object.entries(value as object).map(([name, part]) => [name, without(part, drop)]);
        return [[keyword, Object.fromEntries(parts)]];
      }
      return drop(keyword, value) ? [] : [[keyword, without(value, drop)]];
    }),
  );
}
