import { LAYER_SCHEMA_PREFIX, MEDIA_SCHEMA, NEIGHBOUR_SCHEMA, type PortSpec, SOURCE_SCHEMA } from "@heimdex/kernel";
import { LAYER_VERSION, type LayerKind } from "@heimdex/sidecar";

const JSON_TYPE = "application/json";
const BYTES_TYPE = "application/octet-stream";
/** What the sidecar takes as a kind of somebody's own. */
const CUSTOM_KIND = /^[a-z][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+\.[a-z0-9][a-z0-9_-]*$/;

/** What is wrong with a field of a port: its name, and what it must be. */
export type PortFault = readonly [field: "schema" | "media_type" | "major" | "many" | "layer_schema", cure: string];

/** What is wrong with a port whose schema this server itself reads or writes: nothing could ever match it, or what came on it would be refused with every
 * attempt. Ports of other schemas are for stages to agree on, whichever registers first. */
export function ownPortFaults(port: PortSpec, side: "inputs" | "outputs"): PortFault[] {
  const { schema, layerSchema } = port;
  if (schema === SOURCE_SCHEMA || schema === NEIGHBOUR_SCHEMA) {
    if (side === "outputs") return [["schema", `${schema} is the archive's own; no stage puts it out`]];
    return fixed(port, { mediaType: BYTES_TYPE, major: 1, many: schema === NEIGHBOUR_SCHEMA });
  }
  if (schema === MEDIA_SCHEMA) return fixed(port, { mediaType: JSON_TYPE, major: 1, many: false });
  if (schema.startsWith(LAYER_SCHEMA_PREFIX)) return layerFaults(port);
  if (side === "inputs" || layerSchema === "") return [];
  return [
    ...(CUSTOM_KIND.test(schema)
      ? []
      : [["schema", "a layer of one's own has a name of three labels or more, such as org.example.loudness"] as const]),
    ...(port.mediaType === JSON_TYPE ? [] : [["media_type", `a layer is ${JSON_TYPE}`] as const]),
  ];
}

function layerFaults(port: PortSpec): PortFault[] {
  const kind = port.schema.slice(LAYER_SCHEMA_PREFIX.length).split(".")[0] as LayerKind;
  if (!Object.hasOwn(LAYER_VERSION, kind)) {
    const kinds = Object.keys(LAYER_VERSION).join(", ");
    return [["schema", `the sidecar has no layers of kind ${kind}: one of ${kinds}, or a name of your own`]];
  }
  return [
    ...fixed(port, { mediaType: JSON_TYPE, major: LAYER_VERSION[kind], many: false }),
    ...(port.layerSchema === ""
      ? []
      : [
          [
            "layer_schema",
            `${port.schema} has the sidecar's schema: leave it out, or choose a name of your own`,
          ] as const,
        ]),
  ];
}

function fixed(port: PortSpec, must: { mediaType: string; major: number; many: boolean }): PortFault[] {
  const faults: PortFault[] = [];
  if (port.mediaType !== must.mediaType)
    faults.push(["media_type", `${port.schema} is ${must.mediaType}: nothing else can match it`]);
  if (port.major !== must.major)
    faults.push(["major", `this server has ${port.schema} in version ${must.major}: no other can match`]);
  if (port.many !== must.many)
    faults.push(["many", must.many ? `${port.schema} is a list` : `${port.schema} is one artifact, no list`]);
  return faults;
}
