import type { Manifest, Port as PortMessage } from "@heimdex/contracts/stage/v1/stage";
import { z } from "zod";
import { canonicalJson } from "./canonical-json.ts";
import type { Port } from "./port.ts";
import type { AnyStage } from "./stage.ts";

const EMPTY_CONFIG = { type: "object", properties: {}, additionalProperties: false };

/** The stage as it is registered. */
export function manifestOf(stage: AnyStage): Manifest {
  return {
    name: stage.name,
    version: stage.version,
    behaviour: stage.behaviour,
    description: stage.description,
    inputs: portsOf(stage.inputs),
    outputs: portsOf(stage.outputs),
    conditions: [...(stage.conditions ?? [])],
    configSchema: canonicalJson(configSchemaOf(stage.config)),
    resources: {
      cpu: stage.resources?.cpu ?? 1,
      memoryMib: stage.resources?.memoryMiB ?? 512,
      gpu: stage.resources?.gpu ?? false,
    },
    timeouts: { attemptMs: stage.timeouts?.attemptMs ?? 0, stallMs: stage.timeouts?.stallMs ?? 0 },
    deterministic: stage.deterministic ?? false,
    attempts: stage.attempts ?? 0,
  };
}

/** JSON Schema of what may be configured: of the input side, where a field with a default may be left out. */
export function configSchemaOf(config: z.ZodType | undefined): Record<string, unknown> {
  if (config === undefined) return EMPTY_CONFIG;
  return z.toJSONSchema(config, { io: "input", target: "draft-2020-12" }) as Record<string, unknown>;
}

/** By name: the manifest's digest must not depend on the order in which ports were written down. */
function portsOf(ports: Readonly<Record<string, Port>>): PortMessage[] {
  return Object.keys(ports)
    .sort()
    .map((name) => {
      const port = ports[name] as Port;
      return {
        name,
        mediaType: port.mediaType,
        schema: port.schema,
        major: port.major,
        many: port.many,
        optional: port.optional,
        layerSchema: port.layerSchema === undefined ? "" : canonicalJson(port.layerSchema),
      };
    });
}
