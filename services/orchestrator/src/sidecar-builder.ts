import type { AssetRecord, Job, Step } from "@heimdex/kernel";
import {
  CACHED_EMPTY,
  canonicalJson,
  LAYER_SCHEMA_PREFIX,
  MEDIA_SCHEMA,
  POSTER_SCHEMA,
  stepInputs,
} from "@heimdex/kernel";
import {
  type BlobReference,
  type Layer,
  type Media,
  type Run,
  SIDECAR_SCHEMA,
  SIDECAR_VERSION,
  type Sidecar,
} from "@heimdex/sidecar";
import { keptLayers, runId } from "./kept-layers.ts";

/** What a step put out, read: JSON values by output port. */
export type StepValues = ReadonlyMap<string, ReadonlyMap<string, unknown>>;

/** The sidecar of an ended job. Pure. What the revision before holds beside is carried over as `keptLayers` says, and so are fields this version does
 * not know.
 * @param values per stage, the parsed values of its JSON output ports
 * @param serving ids of the embedding spaces that answer searches */
export function buildSidecar(
  job: Job,
  asset: AssetRecord,
  values: StepValues,
  previous: Sidecar | undefined,
  serving: ReadonlySet<string>,
  nowMs: number,
): Sidecar {
  const runs = job.steps.map((step) => runOf(job, step));
  const media = job.steps.flatMap((step) => portValues(step, values, (schema) => schema === MEDIA_SCHEMA))[0]?.value as
    | Media
    | undefined;
  const layers = job.steps.flatMap((step) =>
    portValues(step, values, (schema, custom) => custom || schema.startsWith(LAYER_SCHEMA_PREFIX)).map(({ value }) => ({
      ...(value as Layer),
      run: runId(step.stage),
    })),
  );
  const poster = job.steps.flatMap(posterOf)[0];
  const kept = keptLayers(job, previous, layers, serving);
  return {
    ...previous,
    schema: SIDECAR_SCHEMA,
    schema_version: SIDECAR_VERSION,
    revision: (previous?.revision ?? 0) + 1,
    written_at: new Date(nowMs).toISOString(),
    asset: {
      ...previous?.asset,
      id: asset.id,
      fingerprint: asset.fingerprint,
      source: job.sourceUri,
      sources: asset.sources.map(({ uri, size, modifiedMs, missing }) => ({
        uri,
        size,
        modified_at: new Date(modifiedMs).toISOString(),
        ...(missing ? { missing } : {}),
      })),
      title: asset.title,
      ...(poster === undefined ? {} : { poster }),
    },
    ...(media === undefined ? {} : { media }),
    runs: [...runs, ...kept.runs],
    layers: [...layers, ...kept.layers],
  };
}

/** Whether two sidecars say the same about the asset: all but revision, time of writing, and what the runs cost. */
export function sameContent(a: Sidecar, b: Sidecar): boolean {
  return content(a) === content(b);
}

function content(sidecar: Sidecar): string {
  const { revision: _revision, written_at: _writtenAt, runs, ...rest } = sidecar;
  const facts = runs.map(({ id, kept, stage, version, behaviour, status, reason, key, models, config, inputs }) => ({
    id,
    kept,
    stage,
    version,
    behaviour,
    status,
    reason,
    key,
    models,
    config,
    inputs,
  }));
  return canonicalJson({ ...rest, asset: { ...rest.asset, source: undefined }, runs: facts });
}

function portValues(
  step: Step,
  values: StepValues,
  wanted: (schema: string, custom: boolean) => boolean,
): { value: unknown }[] {
  return step.outputPorts.flatMap((port) => {
    const value = values.get(step.stage)?.get(port.name);
    return value !== undefined && wanted(port.schema, port.layerSchema !== "") ? [{ value }] : [];
  });
}

function posterOf({ outputPorts, outputs }: Step): BlobReference[] {
  const ports = outputPorts.filter(({ schema, many }) => schema === POSTER_SCHEMA && !many).map(({ name }) => name);
  return outputs
    .filter(({ port }) => ports.includes(port))
    .map(({ sha256, size, mediaType }) => ({ sha256, size, media_type: mediaType }));
}

function runOf(job: Job, step: Step): Run {
  const empty = step.state === "EMPTY" || (step.state === "CACHED" && step.reason === CACHED_EMPTY);
  const ran = step.state === "OK" || step.state === "EMPTY" || step.state === "CACHED";
  const reason = step.partial === "" ? (ran ? "" : step.reason) : `READ_IN_PART: ${step.partial}`;
  const inputs =
    step.key === ""
      ? []
      : [...stepInputs(job, step)].flatMap(([port, artifacts]) => artifacts.map(({ sha256 }) => ({ port, sha256 })));
  return {
    id: runId(step.stage),
    stage: step.stage,
    version: step.version,
    behaviour: step.behaviour,
    status: empty ? "EMPTY" : ran ? "OK" : step.state === "SKIPPED" ? "SKIPPED" : "FAILED",
    ...(reason === "" ? {} : { reason }),
    ...(step.state === "CACHED" ? { cached: true } : {}),
    ...(step.key === "" ? {} : { key: step.key }),
    models: step.models.map(({ id, sha256, licence }) => ({ id, sha256, ...(licence === "" ? {} : { licence }) })),
    config: step.config,
    inputs,
    ...(step.worker === "" ? {} : { worker: step.worker }),
    ...(step.device === "" ? {} : { device: step.device }),
    ...(step.startedAtMs === 0 ? {} : { started_at: new Date(step.startedAtMs).toISOString() }),
    ...(ran ? { wall_ms: step.wallMs, cpu_ms: step.cpuMs } : {}),
    attempts: step.epoch,
  };
}
