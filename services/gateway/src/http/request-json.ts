import { create, type DescField, type DescMessage, fromJson, type JsonValue, type Message } from "@bufbuild/protobuf";
import { HeimdexError } from "@heimdex/errors";
import { Violations } from "../violations.ts";

type JsonObject = { [key: string]: JsonValue };

/** Makes a request message of the parts of an HTTP request; all bad fields are named at once.
 * @param path variables of the path; they win over the others
 * @param query a query string, taken only where there is no body (`body` undefined)
 * @param body the JSON text of the body, "" for an empty one
 * @throws HeimdexError INVALID_ARGUMENT */
export function requestMessage(
  schema: DescMessage,
  path: Readonly<Record<string, string>>,
  query: URLSearchParams,
  body: string | undefined,
): Message {
  const violations = new Violations();
  const json = body === undefined ? {} : parseBody(body);
  for (const [name, value] of Object.entries(path)) {
    const field = fieldNamed(schema, name);
    if (field !== undefined) delete json[field.jsonName];
    json[name] = value;
  }
  for (const key of new Set(query.keys())) {
    const values = query.getAll(key);
    const field = fieldNamed(schema, key);
    if (body !== undefined) violations.add(key, "belongs in the body, not in the query");
    else if (field === undefined) violations.add(key, "is no field of this request");
    else if (field.name in path) violations.add(key, "is given by the path");
    else if (field.name in json) violations.add(field.name, "is given twice, under two names");
    else {
      const value = queryValue(field, values, violations);
      if (value !== undefined) json[field.name] = value;
    }
  }
  const message = decode(schema, json, violations);
  violations.throwIfAny();
  return message;
}

/** Decodes field by field, so that every bad one is found, then as a whole. */
function decode(schema: DescMessage, json: JsonObject, violations: Violations): Message {
  for (const [key, value] of Object.entries(json)) {
    if (fieldNamed(schema, key) === undefined) {
      violations.add(key, "is no field of this request");
      continue;
    }
    const problem = decodeProblem(schema, { [key]: value });
    if (problem !== undefined) violations.add(fieldNamed(schema, key)?.name ?? key, problem);
  }
  violations.throwIfAny();
  const problem = decodeProblem(schema, json); // what only shows together: one field under both of its names
  if (problem !== undefined) throw new HeimdexError("INVALID_ARGUMENT", problem);
  return Object.keys(json).length === 0 ? create(schema) : fromJson(schema, json);
}

function decodeProblem(schema: DescMessage, json: JsonObject): string | undefined {
  try {
    fromJson(schema, json);
    return undefined;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    // "cannot decode field heimdex.v1.X.page_size from JSON: expected number (uint32), got \"x\""
    return error.message.replace(/^.*? from JSON: /s, "").slice(0, 200);
  }
}

function parseBody(text: string): JsonObject {
  if (text.trim() === "") return {};
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new HeimdexError("INVALID_ARGUMENT", `the body is no JSON: ${error.message.slice(0, 200)}`, { cause: error });
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw new HeimdexError("INVALID_ARGUMENT", "the body must be a JSON object");
  return Object.assign(Object.create(null), json) as JsonObject;
}

/** A field by its proto name or its JSON name: proto3 JSON takes both. */
function fieldNamed(schema: DescMessage, name: string): DescField | undefined {
  return schema.fields.find((field) => field.name === name || field.jsonName === name);
}

/** The JSON of a query parameter: texts as they are, numbers in text are fine in proto3 JSON, only booleans must be made. */
function queryValue(field: DescField, values: string[], violations: Violations): JsonValue | undefined {
  if (
    field.fieldKind === "map" ||
    field.fieldKind === "message" ||
    (field.fieldKind === "list" && field.listKind === "message")
  ) {
    violations.add(field.name, "cannot be given in the query");
    return undefined;
  }
  const one = (value: string): JsonValue => {
    if (field.fieldKind === "enum" || field.scalar !== 8 /* bool */) return value;
    return value === "true" || value === "1" ? true : value === "false" || value === "0" ? false : value;
  };
  if (field.fieldKind === "list") return values.map(one);
  if (values.length > 1) {
    violations.add(field.name, "is given twice");
    return undefined;
  }
  return one(values[0] ?? "");
}
