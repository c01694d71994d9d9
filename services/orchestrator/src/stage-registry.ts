import { HeimdexError } from "@heimdex/errors";
import { type ModelRef, type PlanConfig, planSteps, type StageManifest, type StageRecord } from "@heimdex/kernel";
import type { Catalog, Document } from "@heimdex/ports";
import { manifestDigest } from "./manifest.ts";

export interface Registration {
  readonly manifest: StageManifest;
  readonly models: readonly ModelRef[];
  /** "" when the worker can run it. */
  readonly unavailableReason: string;
  readonly unavailableHelp: string;
  readonly interactive: boolean;
}

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
    return (await this.#catalog.get<StageRecord>("stages", name))?.body;
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
        digests: { ...stored?.body.digests, [manifest.version]: digest },
      };
      // A worker that cannot run it takes nothing away from one that can.
      if (
        stored !== undefined &&
        record.state === "UNAVAILABLE" &&
        stored.body.state === "ENABLED" &&
        stored.body.digest === digest &&
        (await this.#served(manifest.name))
      ) {
        return stored.body;
      }
      const others = (await this.list()).filter((stage) => stage.manifest.name !== manifest.name);
      planSteps([...others, record], this.#plan);
      if (stored !== undefined && JSON.stringify(stored.body) === JSON.stringify(record)) return record;
      if (await this.#write(manifest.name, record, stored)) return record;
    }
  }

  async retire(name: string): Promise<StageRecord> {
    for (;;) {
      const stored = await this.#catalog.get<StageRecord>("stages", name);
      if (stored === undefined)
        throw new HeimdexError("NOT_FOUND", `there is no stage ${name}`, { metadata: { stage: name } });
      const record: StageRecord = { ...stored.body, state: "RETIRED", reason: "", help: "" };
      if (await this.#write(name, record, stored)) return record;
    }
  }

  async #served(stage: string): Promise<boolean> {
    const sessions = await this.#catalog.find<{ stages: { stage: string; unavailable: string }[] }>({
      collection: "sessions",
      limit: 1000,
    });
    return sessions.some((session) =>
      session.body.stages.some((offer) => offer.stage === stage && offer.unavailable === ""),
    );
  }

  async #write(id: string, body: StageRecord, stored: Document | undefined): Promise<boolean> {
    const common = { collection: "stages", id, terms: [`state:${body.state}`], sort: "", body } as const;
    const [result] = await this.#catalog.write([
      stored === undefined ? { op: "insert", ...common } : { op: "replace", version: stored.version, ...common },
    ]);
    return result?.ok === true;
  }
}
