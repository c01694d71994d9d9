import { Manifest } from "@heimdex/contracts/stage/v1/stage";
import { type FieldViolation, HeimdexError } from "@heimdex/errors";
import { canonicalJson, MEDIA_SCHEMA, type PortSpec, type StageManifest } from "@heimdex/kernel";
import { configSchemaFaults } from "./config-schema.ts";
import { sha256Hex } from "./ids.ts";
import { compileSchema } from "./json-schema.ts";
import { ownPortFaults } from "./own-ports.ts";

const STAGE_NAME = /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9_-]*){1,7}$/;
const VERSION = /^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$/;
const PORT_NAME = /^[a-z][a-z0-9_]{0,62}$/;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/[a-z0-9][a-z0-9!#$&^_.+-]*$/;
const SCHEMA = /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9_-]*){1,7}$/;
const CONDITIONS = ["has_audio", "has_video", "has_subtitles"];
const SEARCH_MARKS = ["text", "facet", "number", "none"];
const MAX_SCHEMA_BYTES = 64 * 1024;
const MAX_PORTS = 32;
const MAX_ATTEMPTS = 100;
/** Largest manifest: it stands in one document of the catalog, with the digests of earlier ones. */
const MAX_MANIFEST_BYTES = 160 * 1024;

/** The manifest as the kernel takes it. Throws STAGE_INVALID naming every bad field. */
export function readManifest(message: Manifest | undefined): StageManifest {
  if (message === undefined)
    throw new HeimdexError("STAGE_INVALID", "the manifest is missing", {
      fields: [{ field: "manifest", description: "must be set" }],
    });
  checkSize(message);
  const bad: FieldViolation[] = [];
  const check = (ok: boolean, field: string, description: string) => {
    if (!ok) bad.push({ field: `manifest.${field}`, description });
  };
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
  const said = new Map<string, string>();
  for (const [index, { mediaType, schema, major, name }] of outputs.entries()) {
    const what = `${mediaType} ${schema}/${major}`;
    const other = said.get(what);
    check(
      other === undefined,
      `outputs[${index}].schema`,
      `${other} puts out the same: no input could tell them apart`,
    );
    said.set(what, name);
  }
  check(message.conditions.length <= CONDITIONS.length, "conditions", `at most ${CONDITIONS.length}, each once`);
  for (const [index, condition] of message.conditions.slice(0, CONDITIONS.length).entries()) {
    check(CONDITIONS.includes(condition), `conditions[${index}]`, `one of ${CONDITIONS.join(", ")}`);
    check(message.conditions.indexOf(condition) === index, `conditions[${index}]`, "is there twice");
  }
  check(
    !(message.conditions.length > 0 && outputs.some((port) => port.schema === MEDIA_SCHEMA)),
    "conditions",
    `a stage that puts out ${MEDIA_SCHEMA} cannot have conditions on it`,
  );
  if (checkSchema(message.configSchema, "config_schema", check))
    for (const { at, cure } of configSchemaFaults(message.configSchema)) check(false, `config_schema${at}`, cure);
  const cpu = message.resources?.cpu || 1;
  check(cpu > 0 && cpu <= 1024, "resources.cpu", "above 0, at most 1024 cores");
  check(message.attempts <= MAX_ATTEMPTS, "attempts", `at most ${MAX_ATTEMPTS}`);
  if (bad.length > 0) {
    const what = bad.map(({ field, description }) => `${field}: ${description}`).join("; ");
    throw new HeimdexError("STAGE_INVALID", `the manifest of ${nameOf(message)} is not as it must be: ${what}`, {
      fields: bad,
    });
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
    ...(message.attempts === 0 ? {} : { attempts: message.attempts }),
  };
}

/** What is checked field by field is small; without this a manifest of many MiB would be, too, and its refusal as long as itself. */
function checkSize(message: Manifest): void {
  const size = Buffer.byteLength(JSON.stringify(Manifest.toJSON(message)));
  if (size <= MAX_MANIFEST_BYTES) return;
  const description = `${size} bytes as JSON, at most ${MAX_MANIFEST_BYTES}`;
  throw new HeimdexError("STAGE_INVALID", `the manifest of ${nameOf(message)} is too large: ${description}`, {
    fields: [{ field: "manifest", description }],
    help: "Shorten its schemas: bulk belongs into outputs, not into the manifest.",
  });
}

/** For messages: what was sent may be anything. */
function nameOf({ name }: Manifest): string {
  return name === "" ? "a stage" : JSON.stringify(name.length <= 128 ? name : `${name.slice(0, 128)}...`);
}

/** SHA-256 of the manifest's canonical JSON. A field that joins the manifest later goes into it only where it is set: else every stage would be refused as
 * changed after an update of the server. */
export function manifestDigest(manifest: StageManifest): string {
  return sha256Hex(canonicalJson(manifest));
}

type Check = (ok: boolean, field: string, description: string) => void;

function readPorts(ports: Manifest["inputs"], list: "inputs" | "outputs", check: Check): PortSpec[] {
  check(ports.length >= 1 && ports.length <= MAX_PORTS, list, `1 to ${MAX_PORTS} ports`);
  const names = new Set<string>();
  return ports.slice(0, MAX_PORTS).map((port, index) => {
    const at = `${list}[${index}]`;
    check(PORT_NAME.test(port.name), `${at}.name`, "a lower-case letter, then up to 62 of a-z, 0-9 and _");
    check(!names.has(port.name), `${at}.name`, "is there twice");
    names.add(port.name);
    check(MEDIA_TYPE.test(port.mediaType), `${at}.media_type`, "a media type such as application/json");
    check(
      SCHEMA.test(port.schema),
      `${at}.schema`,
      "lower-case labels with dots between, such as org.example.loudness",
    );
    check(port.major >= 1, `${at}.major`, "1 or more");
    if (checkSchema(port.layerSchema, `${at}.layer_schema`, check))
      for (const mark of oddMarks(port.layerSchema))
        check(false, `${at}.layer_schema`, `x-heimdex-search: ${mark}: one of ${SEARCH_MARKS.join(", ")}`);
    const spec = {
      name: port.name,
      mediaType: port.mediaType,
      schema: port.schema,
      major: port.major,
      many: port.many,
      optional: port.optional,
      layerSchema: port.layerSchema,
    };
    if (spec.major >= 1) for (const [field, cure] of ownPortFaults(spec, list)) check(false, `${at}.${field}`, cure);
    return spec;
  });
}

/** Values of `x-heimdex-search` anywhere in the schema that mean nothing: a slip of the pen would leave a field out of search without a word. */
function oddMarks(text: string): string[] {
  const odd = new Set<string>();
  if (text !== "")
    JSON.parse(text, (key, value: unknown) => {
      if (key === "x-heimdex-search" && !SEARCH_MARKS.some((mark) => mark === value))
        odd.add((JSON.stringify(value) ?? "").slice(0, 64));
      return value;
    });
  return [...odd];
}

/** Whether it is one. */
function checkSchema(text: string, field: string, check: Check): boolean {
  if (text === "") return true;
  if (Buffer.byteLength(text) > MAX_SCHEMA_BYTES) {
    check(false, field, `at most ${MAX_SCHEMA_BYTES} bytes`);
    return false;
  }
  try {
    compileSchema(text);
    return true;
  } catch (reason) {
    check(false, field, `a JSON Schema (2020-12): ${(reason as Error).message.slice(0, 300)}`);
    return false;
  }
}
