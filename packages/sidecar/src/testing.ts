import { readFileSync } from "node:fs";
import Ajv2020, { type ValidateFunction } from "ajv/dist/2020.js";
import { type JsonSchema, SCHEMA_ID } from "./schema-document.ts";
import type { Sidecar } from "./sidecar.ts";

const docs = new URL("../../../docs/architecture/", import.meta.url);

export function docsFile(name: string): string {
  return readFileSync(new URL(name, docs), "utf8");
}

/** The worked example, fresh with each call. */
export function exampleSidecar(): Sidecar {
  return JSON.parse(docsFile("sidecar.example.json")) as Sidecar;
}

/** A golden layer, fresh with each call. */
export function golden(kind: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(`../golden/${kind}.json`, import.meta.url), "utf8")) as Record<
    string,
    unknown
  >;
}

const ajv = new Ajv2020.Ajv2020({ strict: true, allErrors: true });
ajv.addSchema(JSON.parse(docsFile("sidecar.schema.json")) as JsonSchema);

/** A validator of the published schema file, or of one of its types, as strict as ajv is: no keyword may be unknown to it. */
export function publishedValidator(type?: string): ValidateFunction {
  const validate = ajv.getSchema(type === undefined ? SCHEMA_ID : `${SCHEMA_ID}#/$defs/${type}`);
  if (validate === undefined) throw new Error(`the schema has no type ${type}`);
  return validate;
}

/** Sets what a JSON Pointer names; `undefined` takes it away. Returns the document. */
export function setAt<T>(document: T, path: string, value: unknown): T {
  const parts = path.split("/").slice(1);
  const last = parts.pop() as string;
  let at = document as Record<string, unknown>;
  for (const part of parts) at = at[part] as Record<string, unknown>;
  if (value === undefined) delete at[last];
  else at[last] = value;
  return document;
}
