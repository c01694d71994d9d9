import { HeimdexError } from "@heimdex/errors";
import {
  compareVersions,
  type ModelRef,
  type PlanConfig,
  planSteps,
  type StageManifest,
  type StageRecord,
  type Step,
} from "@heimdex/kernel";
import { type Catalog, type Document, readAll } from "@heimdex/ports";
import { configFault } from "./config-schema.ts";
import { manifestDigest } from "./manifest.ts";

export interface Registration {
  readonly manifest: StageManifest;
  readonly models: readonly ModelRef[];
  /** "" when the worker can run it. */
  readonly unavailableReason: string;
  readonly unavailableHelp: string;
  readonly interactive: boolean;
  /** Whether a live worker can run this version of it now. */
  readonly isServed: (version: string) => Promise<boolean>;
}

/** What the steps of a plan may take of a job's document of 256 KiB: results, leases and reasons come on top. */
const MAX_PLAN_BYTES = 128 * 1024;
/** Digests of so many versions of a stage are remembered: they stand in its document. */
const MAX_DIGESTS = 400;

/** The persistent list of known stages. Plans are made from it, never from who happens to be connected. */
export class StageRegistry {
  readonly #catalog: Catalog;
  readonly #plan: PlanConfig;

  constructor(catalog: Catalog, plan: PlanConfig) {
    this.#catalog = catalog;
    this.#plan = plan;
  }

  async list(): Promise<StageRecord[]> {
    const found = await this.#catalog.find<StageRecord>({ collection: "stages", limit: 1000 });
    return found.map((document) => document.body);
  }

  async get(name: string): Promise<StageRecord | undefined> {
    if (name === "" || name.length > 128) return undefined;
    return (await this.#catalog.get<StageRecord>("stages", name))?.body;
  }

  /** Throws NOT_FOUND. */
  async require(name: string): Promise<StageRecord> {
    const stage = await this.get(name);
    if (stage !== undefined) return stage;
    throw new HeimdexError("NOT_FOUND", `there is no stage ${name}`, { metadata: { stage: name } });
  }

  /** Registers or confirms a version of a stage. Plans use the newest one from now on; an older one stands beside it, for what was planned with it, and takes
   * its place only when nobody serves the newer any more. Says the stage as plans use it.
   * Throws STAGE_INVALID, MANIFEST_CHANGED, STAGE_CYCLE, STAGE_AMBIGUOUS; nothing is stored then. */
  async register(registration: Registration): Promise<StageRecord> {
    const { manifest, models } = registration;
    const digest = manifestDigest(manifest);
    for (;;) {
      const stored = await this.#catalog.get<StageRecord>("stages", manifest.name);
      const before = stored?.body;
      assertUnchanged(manifest, digest, before);
      // What was there before stays welcome, whatever the others have become since.
      if (before?.digests[manifest.version] === undefined) checkMajors(manifest, await this.list());
      const digests = { ...before?.digests, [manifest.version]: digest };
      const record: StageRecord =
        before !== undefined && !(await takesOver(before, registration))
          ? { ...before, digests: newest(digests) }
          : this.#fitted({
              manifest,
              digest,
              state: stateOf(registration, before),
              reason: registration.unavailableReason,
              help: registration.unavailableHelp,
              models,
              interactive: registration.interactive,
              ...(before?.disabled === undefined ? {} : { disabled: before.disabled }),
              digests: newest(digests),
            });
      checkSize(await this.#planWith(record), manifest);
      if (stored !== undefined && JSON.stringify(stored.body) === JSON.stringify(record)) return record;
      if (await this.#write(manifest.name, record, stored)) return record;
    }
  }

  /** Looks again whether stages are configured as their schemas allow: settings are read at each start.
   * @returns those that are not */
  async refit(): Promise<StageRecord[]> {
    const misfits: StageRecord[] = [];
    for await (const { id } of readAll<StageRecord>(this.#catalog, { collection: "stages" })) {
      const record = await this.#change(id, (stage) => this.#fitted(stage));
      if (record.misconfigured !== undefined) misfits.push(record);
    }
    return misfits;
  }

  /** A stage that is known already, with just this manifest: what a worker of one tenant may serve, since plans are everybody's.
   * Throws PERMISSION_DENIED. */
  async confirm(manifest: StageManifest): Promise<StageRecord> {
    const stage = await this.get(manifest.name);
    if (stage?.digests[manifest.version] === manifestDigest(manifest)) return stage;
    throw new HeimdexError(
      "PERMISSION_DENIED",
      `${manifest.name} ${manifest.version} is not registered with this manifest, and a worker of one tenant registers none`,
      {
        metadata: { stage: manifest.name, version: manifest.version },
        help: "Register it once with a stage key of the tenant `default`, or for all tenants.",
      },
    );
  }

  /** Takes the stage out of new plans until a newer version registers, or a person enables it. Throws NOT_FOUND. */
  async retire(name: string): Promise<StageRecord> {
    return this.#change(name, (stage) => ({ ...stage, state: "RETIRED" }));
  }

  /** Keeps a stage out of plans until it is enabled, whatever its workers say. Throws NOT_FOUND.
   * @param keep what it made stays, else it is to be removed */
  async disable(name: string, nowMs: number, keep: boolean): Promise<StageRecord> {
    return this.#change(name, (stage) => ({
      ...stage,
      disabled: {
        sinceMs: stage.disabled?.sinceMs ?? nowMs,
        isPurging: !keep,
        ...(keep ? { isKept: true } : {}),
      },
    }));
  }

  /** What the stage made is gone, unless it was enabled meanwhile. */
  async purged(name: string): Promise<void> {
    await this.#change(name, (stage) =>
      stage.disabled === undefined ? stage : { ...stage, disabled: { ...stage.disabled, isPurging: false } },
    );
  }

  /** Has plans use a stage again that was disabled or retired. Throws NOT_FOUND; STAGE_CYCLE or STAGE_AMBIGUOUS when it does not go with those that came since,
   * and nothing is changed then. */
  async enable(name: string): Promise<StageRecord> {
    for (;;) {
      const stored = await this.#catalog.get<StageRecord>("stages", name);
      const { disabled: _, ...stage } = stored?.body ?? (await this.require(name));
      const record: StageRecord = { ...stage, state: stage.reason === "" ? "ENABLED" : "UNAVAILABLE" };
      await this.#planWith(record);
      if (await this.#write(name, record, stored)) return record;
    }
  }

  /** Names of the disabled stages whose results do not stay. */
  async disabled(): Promise<ReadonlySet<string>> {
    const found = await this.#catalog.find<StageRecord>({ collection: "stages", term: "disabled", limit: 1000 });
    return new Set(found.map(({ id }) => id));
  }

  /** The record, with a word about its configuration where that does not fit. */
  #fitted({ misconfigured: _, ...record }: StageRecord): StageRecord {
    const fault = configFault(record.manifest, this.#plan.stages[record.manifest.name]);
    return fault === undefined ? record : { ...record, misconfigured: fault };
  }

  /** The steps that plans have with the record in place of what is stored of its stage. Throws STAGE_CYCLE, STAGE_AMBIGUOUS. */
  async #planWith(record: StageRecord): Promise<Step[]> {
    const { name } = record.manifest;
    const others = (await this.list()).filter((stage) => stage.manifest.name !== name);
    try {
      return planSteps([...others, record], this.#plan);
    } catch (reason) {
      throw withField(HeimdexError.from(reason), record.manifest, others);
    }
  }

  async #change(name: string, change: (stage: StageRecord) => StageRecord): Promise<StageRecord> {
    for (;;) {
      const stored = await this.#catalog.get<StageRecord>("stages", name);
      const before = stored?.body ?? (await this.require(name));
      const record = change(before);
      if (JSON.stringify(record) === JSON.stringify(before)) return record;
      if (await this.#write(name, record, stored)) return record;
    }
  }

  async #write(id: string, body: StageRecord, stored: Document | undefined): Promise<boolean> {
    const isOff = body.disabled !== undefined && body.disabled.isKept !== true;
    const terms = [`state:${body.state}`, ...(isOff ? ["disabled"] : [])];
    const common = { collection: "stages", id, terms, sort: "", body } as const;
    const [result] = await this.#catalog.write([
      stored === undefined ? { op: "insert", ...common } : { op: "replace", version: stored.version, ...common },
    ]);
    return result?.ok === true;
  }
}

function assertUnchanged({ name, version }: StageManifest, digest: string, before: StageRecord | undefined): void {
  const known = before?.digests[version];
  if (known === undefined || known === digest) return;
  throw new HeimdexError(
    "MANIFEST_CHANGED",
    `${name} ${version} was registered before with another manifest (${known.slice(0, 12)}, now ${digest.slice(0, 12)})`,
    {
      metadata: { stage: name, version },
      fields: [{ field: "manifest.version", description: "raise it: the manifest has changed" }],
    },
  );
}

/** Throws STAGE_INVALID when an input that must be there is put out by others in other majors only: such a stage would wait for ever, and its author learn of
 * it from a plan. A schema that nobody puts out yet is no fault, since stages register in any order. */
function checkMajors({ name, inputs }: StageManifest, stages: readonly StageRecord[]): void {
  const fields = inputs.flatMap((port, index) => {
    if (port.optional) return [];
    const makers = stages
      .filter(({ state, manifest }) => state !== "RETIRED" && manifest.name !== name)
      .flatMap(({ manifest }) => manifest.outputs.map((output) => ({ stage: manifest.name, ...output })))
      .filter(({ mediaType, schema }) => mediaType === port.mediaType && schema === port.schema);
    const [nearest] = makers;
    if (nearest === undefined || makers.some(({ major }) => major === port.major)) return [];
    const { schema, major, stage } = nearest;
    const description = `${port.major}, but ${stage} puts out ${schema}/${major}: take ${major}, or register a stage first that puts out ${port.major}`;
    return [{ field: `manifest.inputs[${index}].major`, description }];
  });
  if (fields.length === 0) return;
  const what = fields.map(({ field, description }) => `${field}: ${description}`).join("; ");
  throw new HeimdexError("STAGE_INVALID", `the manifest of ${name} is not as it must be: ${what}`, { fields });
}

/** Whether plans are made of what registers instead of what was there before. */
async function takesOver(
  before: StageRecord,
  { manifest, unavailableReason, isServed }: Registration,
): Promise<boolean> {
  const order = compareVersions(manifest.version, before.manifest.version);
  // A worker that cannot run it takes nothing away from one that can.
  if (unavailableReason !== "" && before.state === "ENABLED" && (await isServed(before.manifest.version))) return false;
  if (order >= 0) return true;
  // Back to an older version: only when the newer was taken away, by ending its workers. Retired, the newer keeps out all before it.
  return before.state !== "RETIRED" && !(await isServed(before.manifest.version));
}

/** What was retired stays so until another version comes. */
function stateOf({ manifest, unavailableReason }: Registration, before: StageRecord | undefined): StageRecord["state"] {
  if (before?.state === "RETIRED" && before.manifest.version === manifest.version) return "RETIRED";
  return unavailableReason === "" ? "ENABLED" : "UNAVAILABLE";
}

function newest(digests: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(digests).slice(-MAX_DIGESTS));
}

/** A cycle is refused by the name of the manifest's field that closes it. */
function withField(error: HeimdexError, { name, inputs }: StageManifest, others: readonly StageRecord[]): HeimdexError {
  const cycle = error.metadata.cycle?.split(" -> ") ?? [];
  const next = others.find(({ manifest }) => manifest.name === cycle[cycle.indexOf(name) + 1])?.manifest;
  if (error.id !== "STAGE_CYCLE" || next === undefined) return error;
  const index = inputs.findIndex((port) =>
    next.outputs.some(
      ({ mediaType, schema, major }) => port.mediaType === mediaType && port.schema === schema && port.major === major,
    ),
  );
  const field = index < 0 ? "manifest.conditions" : `manifest.inputs[${index}]`;
  const description = `waits for ${next.name}, which itself waits for ${name}: take something else, or put out something else`;
  const { id, message, help, metadata } = error;
  return new HeimdexError(id, message, { help, metadata, fields: [{ field, description }], cause: error });
}

/** Throws STAGE_INVALID when plans with the stage would no longer fit a job's document: nothing could be indexed any more. */
function checkSize(steps: readonly Step[], { name, outputs, configSchema }: StageManifest): void {
  const bytes = Buffer.byteLength(JSON.stringify(steps));
  if (bytes <= MAX_PLAN_BYTES) return;
  const sizes = [
    { field: "manifest.config_schema", size: Buffer.byteLength(configSchema) },
    ...outputs.map(({ layerSchema }, index) => ({
      field: `manifest.outputs[${index}].layer_schema`,
      size: Buffer.byteLength(layerSchema),
    })),
  ];
  const largest = sizes.sort((a, b) => b.size - a.size)[0]?.field ?? "manifest";
  const description = `too large: with ${name} a job's plan takes ${bytes} bytes, at most ${MAX_PLAN_BYTES}`;
  throw new HeimdexError("STAGE_INVALID", `${largest}: ${description}`, { fields: [{ field: largest, description }] });
}
