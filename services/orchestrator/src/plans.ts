import {
  type AssetRecord,
  PLANS_ID,
  type PlanConfig,
  type PlanMarks,
  type PlansRecord,
  planDigest,
  planMarks,
  planSteps,
  type Step,
  upToDatePlans,
} from "@heimdex/kernel";
import { type Catalog, readAll } from "@heimdex/ports";
import type { StageRegistry } from "./stage-registry.ts";

export interface PlansParts {
  readonly catalog: Catalog;
  readonly registry: StageRegistry;
  readonly plan: PlanConfig;
  /** As in the orchestrator's configuration. */
  readonly salt: string;
}

/** Room for so many plans: of those that no asset was made by any more the rest is forgotten. */
const MOST_PLANS = 64;

/** Which plans assets were brought up to date by, and which plan holds now: what makes an asset stale. Replicas write the same record; whoever comes next
 * finds what a crash left out. */
export class Plans {
  readonly #parts: PlansParts;
  readonly #noted = new Set<string>();

  constructor(parts: PlansParts) {
    this.#parts = parts;
  }

  /** Stores what the current plan is. To be called when stages came, changed or went. */
  async refresh(): Promise<void> {
    const { registry, plan, salt } = this.#parts;
    const current = planMarks(planSteps(await registry.list(), plan), salt);
    await this.#change((record) =>
      planDigest(record.current) === planDigest(current) ? undefined : { ...record, current },
    );
  }

  /** The digest of a plan that a job is made by; remembered until no asset is of it. */
  async digestOf(steps: readonly Step[]): Promise<string> {
    return this.#digestOf(planMarks(steps, this.#parts.salt));
  }

  /** The digest of a plan without some stages: what these made is gone, or was never made. Undefined where the plan is not known. */
  async without(digest: string | undefined, stages: ReadonlySet<string>): Promise<string | undefined> {
    const marks = digest === undefined ? undefined : (await this.#read()).known[digest];
    if (marks === undefined || !Object.keys(marks).some((stage) => stages.has(stage))) return digest;
    return this.#digestOf(Object.fromEntries(Object.entries(marks).filter(([stage]) => !stages.has(stage))));
  }

  async #digestOf(marks: PlanMarks): Promise<string> {
    const digest = planDigest(marks);
    if (this.#noted.has(digest)) return digest;
    await this.#note(digest, marks);
    this.#noted.add(digest);
    return digest;
  }

  /** Digests of the plans that leave nothing to do for a plan. */
  async upToDate(steps: readonly Step[]): Promise<ReadonlySet<string>> {
    return upToDatePlans({ ...(await this.#read()), current: planMarks(steps, this.#parts.salt) });
  }

  async #note(digest: string, marks: PlanMarks): Promise<void> {
    const { known } = await this.#read();
    const gone = Object.keys(known).length < MOST_PLANS ? new Set<string>() : await this.#unused(Object.keys(known));
    for (const each of gone) this.#noted.delete(each);
    await this.#change((record) => {
      if (record.known[digest] !== undefined && gone.size === 0) return undefined;
      const kept = Object.entries(record.known).filter(([each]) => !gone.has(each));
      return { ...record, known: { ...Object.fromEntries(kept), [digest]: marks } };
    });
  }

  /** Of the given plans those that no asset was made by. */
  async #unused(digests: readonly string[]): Promise<Set<string>> {
    const unused = new Set(digests);
    for await (const { body } of readAll<AssetRecord>(this.#parts.catalog, { collection: "assets" })) {
      if (body.plan !== undefined) unused.delete(body.plan);
      if (unused.size === 0) break;
    }
    return unused;
  }

  async #read(): Promise<PlansRecord> {
    return (await this.#parts.catalog.get<PlansRecord>("meta", PLANS_ID))?.body ?? { current: {}, known: {} };
  }

  async #change(change: (record: PlansRecord) => PlansRecord | undefined): Promise<void> {
    const { catalog } = this.#parts;
    for (;;) {
      const stored = await catalog.get<PlansRecord>("meta", PLANS_ID);
      const body = change(stored?.body ?? { current: {}, known: {} });
      if (body === undefined) return;
      const common = { collection: "meta", id: PLANS_ID, terms: [], sort: "", body } as const;
      const [result] = await catalog.write([
        stored === undefined ? { op: "insert", ...common } : { op: "replace", version: stored.version, ...common },
      ]);
      if (result?.ok === true) return;
    }
  }
}
