import { hash } from "node:crypto";
import { canonicalJson } from "./canonical-json.ts";
import type { ArtifactRef, Step } from "./job.ts";

/** Form of the key itself: raise it when what goes into the key changes. */
const KEY_SCHEMA = 1;

type Keyed = Pick<Step, "stage" | "behaviour" | "models" | "config" | "outputPorts">;

/** What of a planned stage goes into its key. */
export function keyedParts({ stage, behaviour, models, config, outputPorts }: Keyed) {
  return {
    stage,
    behaviour,
    models: models.map(({ id, sha256 }) => `${id}@${sha256}`).sort(),
    config,
    outputs: outputPorts.map((port) => `${port.name} ${port.mediaType} ${port.schema}/${port.major}`).sort(),
  };
}

/** Names a step's result by all that decides it; equal keys, equal results. Lower-case hex SHA-256.
 * Content digests of the inputs, not who made them, go in: a re-run with identical output stops the cascade (early cut-off).
 * @param inputs artifacts of each bound port, in order; ports without artifacts are absent
 * @param salt the server's, to drop all results at once; "" by default */
export function stepKey(
  tenant: string,
  step: Keyed,
  inputs: ReadonlyMap<string, readonly ArtifactRef[]>,
  salt: string,
): string {
  const value = {
    schema: KEY_SCHEMA,
    tenant,
    ...keyedParts(step),
    inputs: Object.fromEntries(
      [...inputs].map(([port, artifacts]) => [
        port,
        artifacts.map((artifact) => [artifact.sha256, artifact.name ?? ""]),
      ]),
    ),
    salt,
  };
  return hash("sha256", canonicalJson(value));
}
