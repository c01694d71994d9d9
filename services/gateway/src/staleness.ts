import { type AssetRecord, PLANS_ID, type PlansRecord, planTerm, presentTerm, upToDatePlans } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";

/** Which assets the stages, as they are now, have something to do for. */
export class Staleness {
  readonly #upToDate: ReadonlySet<string>;
  readonly #isAnything: boolean;

  private constructor(plans: PlansRecord) {
    this.#upToDate = upToDatePlans(plans);
    this.#isAnything = Object.keys(plans.current).length > 0;
  }

  static async read(catalog: Catalog): Promise<Staleness> {
    const stored = await catalog.get<PlansRecord>("meta", PLANS_ID);
    return new Staleness(stored?.body ?? { current: {}, known: {} });
  }

  /** What is nowhere to be read is not stale: nothing can be done for it. */
  of({ plan, sources }: Pick<AssetRecord, "plan" | "sources">): boolean {
    if (!this.#isAnything || !sources.some((source) => !source.missing)) return false;
    return plan === undefined || !this.#upToDate.has(plan);
  }

  async count(catalog: Catalog, tenant: string): Promise<number> {
    if (!this.#isAnything) return 0;
    const terms = [...this.#upToDate].map((digest) => planTerm(tenant, digest));
    const [present = 0, ...done] = await Promise.all(
      [presentTerm(tenant), ...terms].map((term) => catalog.count("assets", term)),
    );
    return Math.max(
      0,
      done.reduce((left, count) => left - count, present),
    );
  }
}
