import { DISABLED, ENABLE, type Job, type Step } from "@heimdex/kernel";
import type { BlobReference, Layer, Run, Sidecar } from "@heimdex/sidecar";
import { isRunOf, runId } from "./kept-layers.ts";

/** Layers that a stage made, by its newest run or an earlier one. */
export function stageLayers(sidecar: Pick<Sidecar, "layers">, stage: string): Layer[] {
  return sidecar.layers.filter((layer) => isRunOf(layer.run, stage));
}

/** The next revision of a sidecar, without what a stage made: its newest run says that the stage is disabled. Undefined when there is nothing of it. Pure.
 * @param makesPoster the asset's poster is the stage's */
export function withoutStage(
  sidecar: Sidecar,
  stage: string,
  makesPoster: boolean,
  nowMs: number,
): Sidecar | undefined {
  const runs = sidecar.runs.filter(({ id }) => isRunOf(id, stage));
  const isClean = runs.every(({ status, reason }) => status === "SKIPPED" && reason === DISABLED);
  const { poster, ...asset } = sidecar.asset;
  const losesPoster = makesPoster && poster !== undefined;
  if (isClean && !losesPoster && stageLayers(sidecar, stage).length === 0) return undefined;
  const newest = runs.find(({ id }) => id === runId(stage)) ?? runs[0];
  const skipped: Run[] =
    newest === undefined
      ? []
      : [
          {
            id: runId(stage),
            stage,
            version: newest.version,
            behaviour: newest.behaviour,
            status: "SKIPPED",
            reason: DISABLED,
            attempts: 0,
          },
        ];
  return {
    ...sidecar,
    revision: sidecar.revision + 1,
    written_at: new Date(nowMs).toISOString(),
    ...(losesPoster ? { asset } : {}),
    runs: sidecar.runs.flatMap((run) => (run === newest ? skipped : isRunOf(run.id, stage) ? [] : [run])),
    layers: sidecar.layers.filter((layer) => !isRunOf(layer.run, stage)),
  };
}

/** Every blob that a JSON value refers to, wherever in it: size by SHA-256. */
export function blobReferences(value: unknown, found = new Map<string, number>()): Map<string, number> {
  if (typeof value !== "object" || value === null) return found;
  const { sha256, size, media_type } = value as Partial<BlobReference>;
  if (typeof sha256 === "string" && typeof size === "number" && typeof media_type === "string") found.set(sha256, size);
  for (const part of Object.values(value)) blobReferences(part, found);
  return found;
}

/** The job as it counts while stages are disabled: what these put out before they were is left out. */
export function withoutStages(job: Job, disabled: ReadonlySet<string>): Job {
  if (!job.steps.some(({ stage }) => disabled.has(stage))) return job;
  const off = (step: Step): Step => ({ ...step, state: "SKIPPED", reason: DISABLED, help: ENABLE, outputs: [] });
  return { ...job, steps: job.steps.map((step) => (disabled.has(step.stage) ? off(step) : step)) };
}
