import { type StageManifest, schemaDefaults } from "@heimdex/kernel";
import type { ErrorObject, ValidateFunction } from "ajv/dist/2020.js";
import { compileSchema } from "./json-schema.ts";

type Properties = Readonly<Record<string, unknown>>;

/** Compiled configuration schemas by their text. Bounded: the oldest are forgotten. */
const validators = new Map<string, ValidateFunction>();
const KEPT = 512;

/** What is wrong with a schema of a configuration that compiles: where in it, and what it must be. Plans spell out every setting, so each has a default
 * that the schema itself allows. */
export function configSchemaFaults(text: string): { readonly at: string; readonly cure: string }[] {
  if (text === "") return [];
  const schema: unknown = JSON.parse(text);
  if (typeof schema !== "object" || schema === null || (schema as { type?: unknown }).type !== "object")
    return [{ at: "", cure: 'a schema of an object: "type": "object"' }];
  const undecided = Object.entries(propertiesOf(text)).filter(([, property]) => !hasDefault(property));
  if (undecided.length > 0) return undecided.map(([name]) => ({ at: `.properties.${name}`, cure: "has no default" }));
  const fault = faultOf(text, schemaDefaults(text));
  if (fault === undefined) return [];
  const [name] = fault.path;
  return [
    name === undefined
      ? { at: "", cure: `must allow its own defaults: ${fault.message}` }
      : { at: `.properties.${name}.default`, cure: `its own schema does not allow it: ${fault.message}` },
  ];
}

/** What is wrong with what a stage is configured to: the setting, and a sentence. Undefined when it fits the stage's own schema. */
export function configFault(manifest: StageManifest, configured: Properties | undefined): string | undefined {
  if (configured === undefined) return undefined;
  const known = propertiesOf(manifest.configSchema);
  const unknown = Object.keys(configured).find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined) {
    const names = Object.keys(known);
    return `${unknown}: there is no such setting; ${names.length === 0 ? "it has none" : `it has ${names.join(", ")}`}`;
  }
  const fault = faultOf(manifest.configSchema, { ...schemaDefaults(manifest.configSchema), ...configured });
  if (fault === undefined) return undefined;
  return `${fault.path.join(".") || "all together"}: ${fault.message}`;
}

function faultOf(schema: string, value: Properties): { path: string[]; message: string } | undefined {
  if (schema === "") return undefined;
  const validate = validators.get(schema) ?? compileSchema(schema);
  validators.delete(schema);
  validators.set(schema, validate);
  for (const oldest of validators.keys()) {
    if (validators.size <= KEPT) break;
    validators.delete(oldest);
  }
  if (validate(value)) return undefined;
  const error = validate.errors?.[0];
  const path = (error?.instancePath ?? "").split("/").slice(1);
  return { path, message: error === undefined ? "does not fit its schema" : sentence(error) };
}

/** Ajv says "must be equal to one of the allowed values" without the values. */
function sentence({ message = "does not fit its schema", keyword, params }: ErrorObject): string {
  return keyword === "enum"
    ? `must be one of ${(params as { allowedValues: unknown[] }).allowedValues.map((value) => JSON.stringify(value)).join(", ")}`
    : message;
}

function propertiesOf(text: string): Properties {
  if (text === "") return {};
  const { properties } = JSON.parse(text) as { properties?: unknown };
  return typeof properties === "object" && properties !== null ? (properties as Properties) : {};
}

function hasDefault(property: unknown): boolean {
  return typeof property === "object" && property !== null && "default" in property;
}
