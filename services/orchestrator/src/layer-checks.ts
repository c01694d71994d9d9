import { LAYER_SCHEMA_PREFIX, type PortSpec } from "@heimdex/kernel";
import { checkSidecar, type LayerKind, SIDECAR_SCHEMA, SIDECAR_VERSION, stageLayer } from "@heimdex/sidecar";
import type { ValidateFunction } from "ajv/dist/2020.js";
import { compileSchema } from "./json-schema.ts";

/** What is wrong with a layer: a JSON Pointer into it, and a sentence. */
export interface LayerFault {
  readonly path: string;
  readonly message: string;
}

/** Compiled schemas of custom layers, by their text. Bounded by the number of registered ports. */
const validators = new Map<string, ValidateFunction>();

export function isLayer(port: PortSpec): boolean {
  return port.layerSchema !== "" || port.schema.startsWith(LAYER_SCHEMA_PREFIX);
}

/** The first thing wrong with what a stage put out as a layer; undefined when it may go into a sidecar. References to items of other layers are
 * not looked at: those layers may not be there yet. */
export function layerFault(port: PortSpec, value: unknown): LayerFault | undefined {
  return port.layerSchema === "" ? ownFault(port, value) : customFault(port, value);
}

function ownFault(port: PortSpec, value: unknown): LayerFault | undefined {
  const kind = port.schema.slice(LAYER_SCHEMA_PREFIX.length).split(".")[0] as LayerKind;
  const schema = stageLayer[kind];
  if (schema === undefined) return { path: "", message: `${port.schema} is no layer of the sidecar's` };
  const issue = schema.safeParse(value).error?.issues[0];
  if (issue !== undefined) return { path: pathOf(issue.path), message: issue.message };
  return ruleFault(value);
}

function customFault(port: PortSpec, value: unknown): LayerFault | undefined {
  const validate = validators.get(port.layerSchema) ?? compileSchema(port.layerSchema);
  validators.set(port.layerSchema, validate);
  if (!validate(value)) {
    const error = validate.errors?.[0];
    return { path: error?.instancePath ?? "", message: error?.message ?? "does not fit its schema" };
  }
  if (!Array.isArray((value as { items?: unknown } | null)?.items))
    return { path: "/items", message: "a layer has an array of items" };
  return ruleFault(value);
}

/** What only the sidecar's own rules see, with a sidecar that holds nothing but the layer. */
function ruleFault(value: unknown): LayerFault | undefined {
  const run = { id: "run", stage: "stage", version: "0.0.0", behaviour: 1, status: "OK" };
  const source = { uri: "file:///", size: 0 };
  const issue = checkSidecar({
    schema: SIDECAR_SCHEMA,
    schema_version: SIDECAR_VERSION,
    revision: 1,
    written_at: new Date(0).toISOString(),
    asset: { id: "a", fingerprint: "0".repeat(64), source: source.uri, sources: [source], title: "" },
    runs: [run],
    layers: [{ ...(value as object), run: run.id }],
  }).find(({ rule }) => rule !== "reference" && rule !== "run-status"); // an empty layer is fine: its run will say EMPTY
  return issue === undefined ? undefined : { path: issue.path.replace("/layers/0", ""), message: issue.message };
}

function pathOf(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part)}`).join("");
}
