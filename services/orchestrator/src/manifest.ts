import type { Manifest } from "@heimdex/contracts/stage/v1/stage";
import { type FieldViolation, HeimdexError } from "@heimdex/errors";
import {
  canonicalJson,
  MEDIA_SCHEMA,
  NEIGHBOUR_SCHEMA,
  type PortSpec,
  SOURCE_SCHEMA,
  type StageManifest,
} from "@heimdex/kernel";
import { sha256Hex } from "./ids.ts";
import { compileSchema } from "./json-schema.ts";

const STAGE_NAME = /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9_-]*){1,7}$/;
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
const PORT_NAME = /^[a-z][a-z0-9_]{0,62}$/;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/;
const SCHEMA = /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9_-]*){1,7}$/;
const CONDITIONS = ["has_audio", "has_video", "has_subtitles"];
const MAX_SCHEMA_BYTES = 64 * 1024;
const MAX_PORTS = 32;

/** The manifest as the kernel takes it. Throws STAGE_INVALID naming every bad field. */
export function readManifest(message: Manifest | undefined): StageManifest {
  const bad: FieldViolation[] = [];
  const check = (ok: boolean, field: string, description: string) => {
    if (!ok) bad.push({ field: `manifest.${field}`, description });
  };
  if (message === undefined)
    throw new HeimdexError("STAGE_INVALID", "the manifest is missing", {
      fields: [{ field: "manifest", description: "must be set" }],
    });
  check(
    message.name.length <= 128 && STAGE_NAME.test(message.name),
    "name",
    "2 to 8 lower-case labels with dots between, at most 128 characters, such as org.example.loudness",
  );
  check(VERSION.test(message.version), "version", "a semantic version such as 1.4.0");
  check(message.behaviour >= 1, "behaviour", "1 or more");
  check(message.description.length <= 500, "description", "at most 500 characters");
  const inputs = readPorts(message.inputs, "inputs", check);
  const outputs = readPorts(message.outputs, "outputs", check);
  for (const [index, port] of outputs.entries()) {
    check(
      port.schema !== SOURCE_SCHEMA && port.schema !== NEIGHBOUR_SCHEMA,
      `outputs[${index}].schema`,
      `${port.schema} is the archive's own; no stage puts it out`,
    );
  }
  for (const [index, condition] of message.conditions.entries()) {
    check(CONDITIONS.includes(condition), `conditions[${index}]`, `one of ${CONDITIONS.join(", ")}`);
  }
  check(
    !(message.conditions.length > 0 && outputs.some((port) => port.schema === MEDIA_SCHEMA)),
    "conditions",
    `a stage that puts out ${MEDIA_SCHEMA} cannot have conditions on it`,
  );
  checkSchema(message.configSchema, "config_schema", check);
  for (const property of withoutDefault(message.configSchema))
    check(false, `config_schema.properties.${property}`, "has no default");
  const cpu = message.resources?.cpu || 1;
  check(cpu > 0 && cpu <= 1024, "resources.cpu", "above 0, at most 1024 cores");
  if (bad.length > 0) {
    const what = bad.map(({ field, description }) => `${field}: ${description}`).join("; ");
    throw new HeimdexError(
      "STAGE_INVALID",
      `the manifest of ${message.name || "a stage"} is not as it must be: ${what}`,
      { fields: bad },
    );
  }
  return {
    name: message.name,
    version: message.version,
    behaviour: message.behaviour,
    description: message.description,
    inputs,
    outputs,
    conditions: message.conditions,
    configSchema: message.configSchema,
    resources: { cpu, memoryMib: message.resources?.memoryMib || 512, gpu: message.resources?.gpu ?? false },
    timeouts: { attemptMs: message.timeouts?.attemptMs ?? 0, stallMs: message.timeouts?.stallMs ?? 0 },
    deterministic: message.deterministic,
  };
}

/** SHA-256 of the manifest's canonical JSON. */
export function manifestDigest(manifest: StageManifest): string {
  return sha256Hex(canonicalJson(manifest));
}

type Check = (ok: boolean, field: string, description: string) => void;

function readPorts(ports: Manifest["inputs"], list: string, check: Check): PortSpec[] {
  check(ports.length >= 1 && ports.length <= MAX_PORTS, list, `1 to ${MAX_PORTS} ports`);
  const names = new Set<string>();
  return ports.map((port, index) => {
    const at = `${list}[${index}]`;
    check(PORT_NAME.test(port.name), `${at}.name`, "a lower-case letter, then up to 62 of a-z, 0-9 and _");
    check(!names.has(port.name), `${at}.name`, `${port.name} is there twice`);
    names.add(port.name);
    check(MEDIA_TYPE.test(port.mediaType), `${at}.media_type`, "a media type such as application/json");
    check(
      SCHEMA.test(port.schema),
      `${at}.schema`,
      "lower-case labels with dots between, such as org.example.loudness",
    );
    check(port.major >= 1, `${at}.major`, "1 or more");
    checkSchema(port.layerSchema, `${at}.layer_schema`, check);
    return {
      name: port.name,
      mediaType: port.mediaType,
      schema: port.schema,
      major: port.major,
      many: port.many,
      optional: port.optional,
      layerSchema: port.layerSchema,
    };
  });
}

function checkSchema(text: string, field: string, check: Check): void {
  if (text === "") return;
  check(Buffer.byteLength(text) <= MAX_SCHEMA_BYTES, field, `at most ${MAX_SCHEMA_BYTES} bytes`);
  try {
    compileSchema(text);
  } catch (reason) {
    check(false, field, `a JSON Schema (2020-12): ${(reason as Error).message}`);
  }
}

/** Properties of a configuration that say no default: a plan could not spell them out. */
function withoutDefault(text: string): string[] {
  let schema: unknown;
  try {
    schema = text === "" ? {} : JSON.parse(text);
  } catch {
    return []; // named above already, as what it is: no JSON
  }
  const { properties } = (schema ?? {}) as { properties?: unknown };
  if (typeof properties !== "object" || properties === null) return [];
  return Object.entries(properties).flatMap(([name, property]) =>
    typeof property === "object" && property !== null && "default" in property ? [] : [name],
  );
}
