import { HeimdexError } from "@heimdex/errors";
import type { Binding, Step } from "./job.ts";
import {
  isLeftOut,
  MEDIA_SCHEMA,
  NEIGHBOUR_SCHEMA,
  type PortSpec,
  SOURCE_SCHEMA,
  type StageRecord,
  stageStanding,
} from "./manifest.ts";
import { DISABLED, ENABLE } from "./reducer.ts";

/** Settings that reach into plans. */
export interface PlanConfig {
  /** Configuration by stage; absent properties take the manifest's defaults. */
  readonly stages: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  /** Which stage feeds a port that two put out: by `schema/major`. */
  readonly producers: Readonly<Record<string, string>>;
  /** Longest time of an attempt, and longest time without progress, of stages that name none, ms. Default 6 h and 10 min. */
  readonly attemptMs?: number;
  readonly stallMs?: number;
}
export const EMPTY_PLAN_CONFIG: PlanConfig = { stages: {}, producers: {} };

const DEFAULT_ATTEMPT_MS = 6 * 3_600_000;
const DEFAULT_STALL_MS = 10 * 60_000;

const portKey = (port: PortSpec) => `${port.mediaType} ${port.schema}/${port.major}`;
const isBuiltIn = (port: PortSpec) => port.schema === SOURCE_SCHEMA || port.schema === NEIGHBOUR_SCHEMA;

/** Builds the DAG of one job from the known stages: output ports meet input ports of equal media type, schema and major. Retired stages and those turned off
 * whose results stay are left out; unavailable, misconfigured and disabled ones stand as SKIPPED. Steps come in an order in which each follows what it depends on; equal depth by name.
 * Throws STAGE_AMBIGUOUS or STAGE_CYCLE, as registration does. */
export function planSteps(stages: readonly StageRecord[], config: PlanConfig = EMPTY_PLAN_CONFIG): Step[] {
  const usable = stages
    .filter((stage) => !isLeftOut(stage))
    .sort((a, b) => (a.manifest.name < b.manifest.name ? -1 : 1));
  const producers = producersOf(usable);
  const steps = new Map(usable.map((stage) => [stage.manifest.name, stepOf(stage, producers, config)]));
  return inOrder(steps);
}

const isDisabled = (stage: StageRecord) => stage.disabled !== undefined;

type Producers = ReadonlyMap<string, readonly { readonly stage: string; readonly port: string }[]>;

function producersOf(stages: readonly StageRecord[]): Producers {
  const found = new Map<string, { stage: string; port: string }[]>();
  // A disabled stage feeds a port only where nobody else does: what takes from it is then skipped, and says why.
  for (const { manifest, disabled } of [...stages].sort((a, b) => Number(isDisabled(a)) - Number(isDisabled(b)))) {
    for (const port of manifest.outputs) {
      const list = found.get(portKey(port)) ?? [];
      if (disabled !== undefined && list.length > 0) continue;
      list.push({ stage: manifest.name, port: port.name });
      found.set(portKey(port), list);
    }
  }
  return found;
}

function choose(
  port: PortSpec,
  consumer: string,
  producers: Producers,
  config: PlanConfig,
): { stage: string; port: string } | undefined {
  const candidates = (producers.get(portKey(port)) ?? []).filter((candidate) => candidate.stage !== consumer);
  if (candidates.length <= 1) return candidates[0];
  const choice = config.producers[`${port.schema}/${port.major}`];
  const chosen = candidates.find((candidate) => candidate.stage === choice);
  if (chosen !== undefined) return chosen;
  const names = candidates.map((candidate) => candidate.stage).join(" and ");
  throw new HeimdexError(
    "STAGE_AMBIGUOUS",
    `${names} both put out ${port.schema}/${port.major}, which ${consumer} takes as ${port.name}`,
    {
      fields: [{ field: `producers["${port.schema}/${port.major}"]`, description: `name one of ${names}` }],
      help: `Choose one in the settings, as in "producers": {"${port.schema}/${port.major}": "${candidates[0]?.stage}"}; or turn one off.`,
      metadata: { stage: consumer, port: port.name },
    },
  );
}

function stepOf(record: StageRecord, producers: Producers, config: PlanConfig): Step {
  const { manifest } = record;
  const bindings: Binding[] = [];
  let missing = "";
  for (const port of manifest.inputs) {
    if (isBuiltIn(port)) {
      bindings.push({
        port: port.name,
        from: "",
        fromPort: port.schema,
        optional: port.optional || port.schema === NEIGHBOUR_SCHEMA,
      });
      continue;
    }
    const producer = choose(port, manifest.name, producers, config);
    if (producer !== undefined)
      bindings.push({ port: port.name, from: producer.stage, fromPort: producer.port, optional: port.optional });
    else if (!port.optional)
      missing ||= `NO_PRODUCER: no stage puts out ${port.schema}/${port.major} (${port.mediaType}), which it takes as ${port.name}${nearly(port, producers)}`;
  }
  const after = new Set(bindings.map((binding) => binding.from).filter((from) => from !== ""));
  if (manifest.conditions.length > 0) {
    const facts = [...producers].find(([key]) => key.includes(` ${MEDIA_SCHEMA}/`))?.[1][0];
    if (facts !== undefined) after.add(facts.stage);
    else missing ||= `NO_PRODUCER: no stage puts out ${MEDIA_SCHEMA}, which its conditions test`;
  }
  const { reason, help } = whySkipped(record, missing);
  return {
    stage: manifest.name,
    version: manifest.version,
    behaviour: manifest.behaviour,
    digest: record.digest,
    config: { ...schemaDefaults(manifest.configSchema), ...config.stages[manifest.name] },
    models: record.models,
    bindings,
    outputPorts: manifest.outputs,
    conditions: manifest.conditions,
    after: [...after].sort(),
    attemptMs: manifest.timeouts.attemptMs || (config.attemptMs ?? DEFAULT_ATTEMPT_MS),
    stallMs: manifest.timeouts.stallMs || (config.stallMs ?? DEFAULT_STALL_MS),
    ...(manifest.attempts === undefined ? {} : { attempts: manifest.attempts }),
    state: reason === "" ? "WAITING" : "SKIPPED",
    reason,
    help,
    partial: "",
    key: "",
    lease: undefined,
    ending: undefined,
    epoch: 0,
    failures: 0,
    lost: 0,
    notBeforeMs: 0,
    outputs: [],
    wallMs: 0,
    cpuMs: 0,
    worker: "",
    device: "",
    readyAtMs: 0,
    startedAtMs: 0,
    endedAtMs: 0,
    estimateMs: 0,
    logTail: "",
  };
}

function whySkipped(record: StageRecord, missing: string): { readonly reason: string; readonly help: string } {
  const { manifest, help } = record;
  if (isDisabled(record)) return { reason: DISABLED, help: ENABLE };
  if (record.misconfigured !== undefined)
    return { reason: stageStanding(record).reason, help: `Correct the configuration of ${manifest.name}.` };
  if (record.state === "UNAVAILABLE")
    return { reason: `${record.reason}: no worker here can run ${manifest.name}`, help };
  return { reason: missing, help: missing === "" ? "" : "Register a stage that does." };
}

/** Who puts out the same schema in another form: most often the fault lies there. */
function nearly({ schema }: PortSpec, producers: Producers): string {
  for (const [key, [first]] of producers) {
    const [mediaType = "", what = ""] = key.split(" ");
    if (what.startsWith(`${schema}/`) && first !== undefined) return `; ${first.stage} puts out ${what} (${mediaType})`;
  }
  return "";
}

/** Defaults of the top-level properties of a JSON Schema, which is an object or "". */
export function schemaDefaults(schema: string): Record<string, unknown> {
  if (schema === "") return {};
  const properties = (JSON.parse(schema) as { properties?: Record<string, { default?: unknown }> }).properties ?? {};
  return Object.fromEntries(
    Object.entries(properties).flatMap(([name, property]) =>
      property.default === undefined ? [] : [[name, property.default]],
    ),
  );
}

function inOrder(steps: ReadonlyMap<string, Step>): Step[] {
  const depth = new Map<string, number>();
  const visit = (name: string, path: readonly string[]): number => {
    const known = depth.get(name);
    if (known !== undefined) return known;
    if (path.includes(name)) {
      const cycle = [...path.slice(path.indexOf(name)), name].join(" -> ");
      throw new HeimdexError("STAGE_CYCLE", `the stages' ports close a cycle: ${cycle}`, { metadata: { cycle } });
    }
    const after = steps.get(name)?.after ?? [];
    const value = after.length === 0 ? 0 : 1 + Math.max(...after.map((next) => visit(next, [...path, name])));
    depth.set(name, value);
    return value;
  };
  for (const name of steps.keys()) visit(name, []);
  return [...steps.values()].sort(
    (a, b) => (depth.get(a.stage) ?? 0) - (depth.get(b.stage) ?? 0) || (a.stage < b.stage ? -1 : 1),
  );
}
