import { HeimdexError } from "@heimdex/errors";
import {
  type ModelRef,
  type PlanConfig,
  planSteps,
  type StageManifest,
  type StageRecord,
  type Step,
} from "@heimdex/kernel";
import type { Catalog, Document } from "@heimdex/ports";
import { manifestDigest } from "./manifest.ts";

export interface Registration {
  readonly manifest: StageManifest;
  readonly models: readonly ModelRef[];
  /** "" when the worker can run it. */
  readonly unavailableReason: string;
  readonly unavailableHelp: string;
  readonly interactive: boolean;
  /** Whether a live worker can run it now. */
  readonly isServed: () => Promise<boolean>;
}

/** What the steps of a plan may take of a job's document of 256 KiB: results, leases and reasons come on top. */
const MAX_PLAN_BYTES = 128 * 1024;

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

  /** Registers or confirms a stage. Throws MANIFEST_CHANGED, STAGE_CYCLE, STAGE_AMBIGUOUS; nothing is stored then. */
  async register(registration: Registration): Promise<StageRecord> {
    const { manifest, models } = registration;
    const digest = manifestDigest(manifest);
    for (;;) {
      const stored = await this.#catalog.get<StageRecord>("stages", manifest.name);
      const known = stored?.body.digests[manifest.version];
      if (known !== undefined && known !== digest) {
        throw new HeimdexError(
          "MANIFEST_CHANGED",
          `${manifest.name} ${manifest.version} was registered before with another manifest (${known.slice(0, 12)}, now ${digest.slice(0, 12)})`,
          {
            metadata: { stage: manifest.name, version: manifest.version },
            fields: [{ field: "manifest.version", description: "raise it: the manifest has changed" }],
          },
        );
      }
      const record: StageRecord = {
        manifest,
        digest,
        state: registration.unavailableReason === "" ? "ENABLED" : "UNAVAILABLE",
        reason: registration.unavailableReason,
        help: registration.unavailableHelp,
        models,
        interactive: registration.interactive,
        ...(stored?.body.disabled === undefined ? {} : { disabled: stored.body.disabled }),
        digests: { ...stored?.body.digests, [manifest.version]: digest },
      };
      // A worker that cannot run it takes nothing away from one that can.
      if (
        stored !== undefined &&
        record.state === "UNAVAILABLE" &&
        stored.body.state === "ENABLED" &&
        stored.body.digest === digest &&
        (await registration.isServed())
      ) {
        return stored.body;
      }
      const others = (await this.list()).filter((stage) => stage.manifest.name !== manifest.name);
      checkSize(planSteps([...others, record], this.#plan), manifest);
      if (stored !== undefined && JSON.stringify(stored.body) === JSON.stringify(record)) return record;
      if (await this.#write(manifest.name, record, stored)) return record;
    }
  }

  async retire(name: string): Promise<StageRecord> {
    return this.#change(name, (stage) => ({ ...stage, state: "RETIRED", reason: "", help: "" }));
  }

  /** Keeps a stage out of plans until it is enabled, whatever its workers say; what it made is to be removed. Throws NOT_FOUND. */
  async disable(name: string, nowMs: number): Promise<StageRecord> {
    return this.#change(name, (stage) => ({
      ...stage,
      disabled: { sinceMs: stage.disabled?.sinceMs ?? nowMs, isPurging: true },
    }));
  }

  /** What the stage made is gone, unless it was enabled meanwhile. */
  async purged(name: string): Promise<void> {
    await this.#change(name, (stage) =>
      stage.disabled === undefined ? stage : { ...stage, disabled: { ...stage.disabled, isPurging: false } },
    );
  }

  /** Throws NOT_FOUND. */
  async enable(name: string): Promise<StageRecord> {
    return this.#change(name, ({ disabled: _, ...stage }) => stage);
  }

  /** Names of the disabled stages. */
  async disabled(): Promise<ReadonlySet<string>> {
    const found = await this.#catalog.find<StageRecord>({ collection: "stages", term: "disabled", limit: 1000 });
    return new Set(found.map(({ id }) => id));
  }

  async #change(name: string, change: (stage: StageRecord) => StageRecord): Promise<StageRecord> {
    for (;;) {
      const stored = await this.#catalog.get<StageRecord>("stages", name);
      const record = change(stored?.body ?? (await this.require(name)));
      if (await this.#write(name, record, stored)) return record;
    }
  }

  async #write(id: string, body: StageRecord, stored: Document | undefined): Promise<boolean> {
    const terms = [`state:${body.state}`, ...(body.disabled === undefined ? [] : ["disabled"])];
    const common = { collection: "stages", id, terms, sort: "", body } as const;
    const [result] = await this.#catalog.write([
      stored === undefined ? { op: "insert", ...common } : { op: "replace", version: stored.version, ...common },
    ]);
    return result?.ok === true;
  }
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
