import { sharesTenant } from "@heimdex/access";
import { type Job, type PlanConfig, planSteps, type Step } from "@heimdex/kernel";
import { requirement } from "./requirement.ts";
import type { Sessions } from "./sessions.ts";
import type { StageRegistry } from "./stage-registry.ts";

interface Served {
  readonly tenant: string;
  readonly requires: string;
}

/** Finds steps that wait for a version of their stage, or for models, that nobody serves any more, while somebody serves what plans use now. Without being
 * planned anew they would wait for ever: a worker that was updated never runs what it was before. */
export class StrandedSteps {
  readonly #now: ReadonlyMap<string, Step>;
  readonly #served: ReadonlyMap<string, readonly Served[]>;

  private constructor(now: ReadonlyMap<string, Step>, served: ReadonlyMap<string, readonly Served[]>) {
    this.#now = now;
    this.#served = served;
  }

  /** As things are now. Throws as `planSteps`.
   * @param sinceMs whoever was not heard of since then serves nothing */
  static async look(
    parts: { readonly registry: StageRegistry; readonly sessions: Sessions; readonly plan: PlanConfig },
    sinceMs: number,
  ): Promise<StrandedSteps> {
    const stages = await parts.registry.list();
    const digests = new Map(stages.map((stage) => [stage.manifest.name, stage.digests]));
    const served = new Map<string, Served[]>();
    for (const { tenant, stages: offers } of await parts.sessions.live(sinceMs))
      for (const { stage, version, models, unavailable } of offers) {
        const digest = digests.get(stage)?.[version];
        if (unavailable !== "" || digest === undefined) continue;
        served.set(stage, [...(served.get(stage) ?? []), { tenant, requires: requirement(digest, models) }]);
      }
    return new StrandedSteps(new Map(planSteps(stages, parts.plan).map((step) => [step.stage, step])), served);
  }

  /** What takes the place of a step that is ready; undefined when it need not be replaced, or nobody could run that either. */
  replacement({ tenant }: Pick<Job, "tenant">, step: Step): Step | undefined {
    const next = this.#now.get(step.stage);
    if (next === undefined || next.state !== "WAITING") return undefined;
    const requires = requirement(next.digest, next.models);
    const isServed = (wanted: string) =>
      this.#served.get(step.stage)?.some((by) => by.requires === wanted && sharesTenant(by.tenant, tenant)) === true;
    const before = requirement(step.digest, step.models);
    return before === requires || isServed(before) || !isServed(requires) ? undefined : next;
  }
}
