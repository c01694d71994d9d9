import { HeimdexError } from "@heimdex/errors";
import type { z } from "zod";
import { configSchemaOf, manifestOf } from "./manifest.ts";
import type { Port } from "./port.ts";
import type { StageDefinition, StageSource } from "./stage.ts";

const LABEL = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";
const STAGE_NAME = new RegExp(`^${LABEL}(?:\\.${LABEL}){1,7}$`);
const PORT_NAME = /^[a-z][a-z0-9_]{0,62}$/;
const SCHEMA_ID = /^[a-z0-9][a-z0-9_-]*(?:\.[a-z0-9][a-z0-9_-]*)+$/;
/** What the sidecar takes as a kind of somebody's own. */
const LAYER_KIND = /^[a-z][a-z0-9-]*(?:\.[a-z0-9][a-z0-9-]*)+\.[a-z0-9][a-z0-9_-]*$/;
const MEDIA_TYPE = /^[a-z0-9!#$&^_.+-]+\/[a-z0-9!#$&^_.+-]+$/;
/** https://semver.org, without build metadata: two builds of one version would be one stage. */
const SEMVER = /^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?$/;
const CONDITIONS = ["has_audio", "has_video", "has_subtitles"];
const MAX_PORTS = 32;
const MAX_SCHEMA_BYTES = 64 * 1024;

/** Checks the definition and returns it. Throws STAGE_INVALID naming every bad field. */
export function defineStage<
  I extends Record<string, Port>,
  O extends Record<string, Port>,
  C extends z.ZodType = z.ZodType<Record<string, never>>,
>(definition: StageSource<I, O, C>): StageDefinition<I, O, C> {
  const bad: { field: string; description: string }[] = [];
  const check = (holds: boolean, field: string, description: string): void => {
    if (!holds) bad.push({ field, description });
  };
  const { name, version, behaviour, description, slots = 1, resources, timeouts } = definition;
  check(
    STAGE_NAME.test(name) && name.length <= 128,
    "name",
    "two to eight lower-case labels with dots between, such as media.probe",
  );
  check(SEMVER.test(version), "version", "a semantic version such as 1.0.0");
  check(isWhole(behaviour, 1), "behaviour", "a whole number from 1");
  check(description.length > 0 && description.length <= 500, "description", "one line of at most 500 characters");
  check(isWhole(slots, 1) && slots <= 256, "slots", "a whole number from 1 to 256");
  for (const side of ["inputs", "outputs"] as const) {
    const ports = Object.entries<Port>(definition[side]);
    check(ports.length > 0 && ports.length <= MAX_PORTS, side, `1 to ${MAX_PORTS} ports`);
    for (const [port, value] of ports) checkPort(`${side}.${port}`, port, value, check);
  }
  for (const [at, condition] of (definition.conditions ?? []).entries())
    check(CONDITIONS.includes(condition), `conditions[${at}]`, `one of ${CONDITIONS.join(", ")}`);
  check(resources?.cpu === undefined || resources.cpu > 0, "resources.cpu", "a number of cores above 0");
  check(
    resources?.memoryMiB === undefined || isWhole(resources.memoryMiB, 1),
    "resources.memoryMiB",
    "whole MiB from 1",
  );
  for (const clock of ["attemptMs", "stallMs"] as const)
    check(timeouts?.[clock] === undefined || isWhole(timeouts[clock], 1), `timeouts.${clock}`, "whole ms from 1");
  check(definition.attempts === undefined || isWhole(definition.attempts, 1), "attempts", "a whole number from 1");
  checkConfig(definition.config, check);
  if (bad.length > 0) {
    const lines = bad.map((field) => `${field.field}: ${field.description} is expected`);
    throw new HeimdexError("STAGE_INVALID", `stage ${name}: ${lines.join("; ")}`, { fields: bad });
  }
  manifestOf(definition);
  return definition;
}

type Check = (holds: boolean, field: string, description: string) => void;

function checkPort(field: string, name: string, port: Port, check: Check): void {
  check(PORT_NAME.test(name), field, "a name of lower-case letters, digits and _");
  check(MEDIA_TYPE.test(port.mediaType), `${field}.mediaType`, "a lower-case media type such as image/jpeg");
  check(SCHEMA_ID.test(port.schema), `${field}.schema`, "a name with dots such as org.example.loudness");
  check(isWhole(port.major, 1), `${field}.major`, "a whole number from 1");
  const isKind = port.layerSchema === undefined || LAYER_KIND.test(port.schema);
  check(isKind, `${field}.schema`, "a reverse-domain name of three labels such as org.example.loudness");
  const size = port.layerSchema === undefined ? 0 : Buffer.byteLength(JSON.stringify(port.layerSchema));
  check(size <= MAX_SCHEMA_BYTES, `${field}.layerSchema`, "a JSON Schema of at most 64 KiB");
}

/** Configuration is part of the step key, so it is spelled out in plans: each property must say its default, and JSON Schema must be able to. */
function checkConfig(config: z.ZodType | undefined, check: Check): void {
  if (config === undefined) return;
  let schema: Record<string, unknown>;
  try {
    schema = configSchemaOf(config);
  } catch (reason) {
    check(false, "config", `a schema that JSON Schema can hold (${(reason as Error).message})`);
    return;
  }
  check(schema.type === "object", "config", "an object schema");
  check(Buffer.byteLength(JSON.stringify(schema)) <= MAX_SCHEMA_BYTES, "config", "a JSON Schema of at most 64 KiB");
  for (const [key, property] of Object.entries((schema.properties ?? {}) as Record<string, object>))
    check("default" in property, `config.${key}`, "a default");
  if (schema.type !== "object") return;
  const empty = config.safeParse({});
  for (const issue of empty.error?.issues ?? []) {
    const path = issue.path.map(String);
    // A field without a default is named above already.
    if (path.length !== 1) check(false, ["config", ...path].join("."), `a default that is valid (${issue.message})`);
  }
}

function isWhole(value: number, from: number): boolean {
  return Number.isSafeInteger(value) && value >= from && value <= 0xffff_ffff;
}
