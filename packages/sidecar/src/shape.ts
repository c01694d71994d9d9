import { z } from "zod";
import { type Issue, pointer } from "./issue.ts";
import { customLayer, isLayerKind, LAYER_VERSION, sidecarLayers } from "./layers.ts";
import { SIDECAR_VERSION, sidecar } from "./sidecar.ts";

/** All but the layers. */
const envelope = sidecar.extend({ layers: z.array(z.looseObject({ kind: z.string() })) });
/** What holds for every layer, of kinds and versions to come too. */
const anyLayer = z.looseObject({
  kind: z.string().min(1),
  version: z.int().min(1),
  run: z.string().min(1),
  items: z.array(z.unknown()),
});

/** Where a document departs from the schema. The same as `sidecar.safeParse`, except that a layer is held against the schema of its own kind, so that
 * the path is that of the bad field, and that a newer minor version may hold layers of kinds and versions this code does not know. */
export function shapeIssues(value: unknown): Issue[] {
  const outer = envelope.safeParse(value);
  if (!outer.success) return outer.error.issues.map((issue) => asIssue([], issue));
  const newer = minorOf(outer.data.schema_version) > minorOf(SIDECAR_VERSION);
  return outer.data.layers.flatMap((layer, index) => {
    const parsed = layerSchema(layer, newer).safeParse(layer);
    const run = typeof layer.run === "string" ? layer.run : undefined;
    return parsed.success ? [] : parsed.error.issues.map((issue) => asIssue(["layers", index], issue, run));
  });
}

function layerSchema(layer: { kind: string; [field: string]: unknown }, newer: boolean): z.ZodType {
  if (isLayerKind(layer.kind)) {
    const known = !(newer && Number(layer.version) > LAYER_VERSION[layer.kind]);
    return known ? sidecarLayers[layer.kind] : anyLayer;
  }
  return newer && !layer.kind.includes(".") ? anyLayer : customLayer;
}

function asIssue(at: readonly PropertyKey[], issue: z.core.$ZodIssue, run?: string): Issue {
  const { path, message } = issue;
  return { path: pointer([...at, ...path]), rule: "schema", message, ...(run === undefined ? {} : { run }) };
}

function minorOf(version: string): number {
  return Number(version.split(".")[1]);
}
