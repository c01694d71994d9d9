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

/** Names a step's result by all that decides it; equal keys, equal results. Lower-case hex SHA-256 of canonical JSON.
 * Content digests of the inputs, not who made them, go in: a re-run with identical output stops the cascade (early cut-off).
 * @param inputs artifacts of each bound port, in order; ports without artifacts are absent
 * @param salt the server's, to drop all results at once; "" by default */
export function stepKey(
  tenant: string,
  step: Keyed,
  inputs: ReadonlyMap<string, readonly ArtifactRef[]>,
  salt: string,
): string {
  const given = Object.fromEntries(
    [...inputs].map(([port, artifacts]) => [port, artifacts.map((artifact) => [artifact.sha256, artifact.name ?? ""])]),
  );
  const { before, between, stage } = writtenParts(step);
  const server = `"salt":${JSON.stringify(salt)},"schema":${KEY_SCHEMA},${stage},"tenant":${JSON.stringify(tenant)}`;
  return hash("sha256", `{${before},"inputs":${canonicalJson(given)},${between},${server}}`);
}

/** What of canonical JSON is the same for a stage on all assets, in its order of properties. */
interface Written {
  readonly step: Keyed;
  readonly before: string;
  readonly between: string;
  readonly stage: string;
}

/** A plan is tried on thousands of assets, whose steps share these lists and settings: they are written once. */
const written = new WeakMap<Keyed["outputPorts"], Written>();

function writtenParts(step: Keyed): Written {
  const known = written.get(step.outputPorts);
  if (known !== undefined && isSame(known.step, step)) return known;
  const { stage, behaviour, models, config, outputs } = keyedParts(step);
  const parts: Written = {
    step: { stage, behaviour, models: step.models, config, outputPorts: step.outputPorts },
    before: `"behaviour":${canonicalJson(behaviour)},"config":${canonicalJson(config)}`,
    between: `"models":${canonicalJson(models)},"outputs":${canonicalJson(outputs)}`,
    stage: `"stage":${canonicalJson(stage)}`,
  };
  written.set(step.outputPorts, parts);
  return parts;
}

function isSame(a: Keyed, b: Keyed): boolean {
  return a.stage === b.stage && a.behaviour === b.behaviour && a.models === b.models && a.config === b.config;
}
