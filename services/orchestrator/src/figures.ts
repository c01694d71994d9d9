import type { Job, StageRecord } from "@heimdex/kernel";
import { type Catalog, readAll } from "@heimdex/ports";
import type { Metrics } from "@heimdex/telemetry";

interface FigureParts {
  readonly catalog: Catalog;
  /** Whether this replica gives them: one does, so that what all replicas give may be summed. */
  readonly isMine: () => boolean;
}

/** Offers figures of what waits and what is under way, over all tenants; they are read from the catalog when somebody asks. */
export function offerFigures(metrics: Metrics, { catalog, isMine }: FigureParts): void {
  const gauge = (name: string, description: string) => metrics.meter.createObservableGauge(name, { description });
  const steps = gauge("heimdex_steps", "Steps that wait for a worker (READY) and that have one (LEASED)");
  const leaseAge = gauge("heimdex_oldest_lease_age_seconds", "Age of the oldest lease of a stage");
  const jobs = gauge("heimdex_active_jobs", "Jobs that have not ended");
  const unindexed = gauge("heimdex_unindexed_assets", "Assets whose newest sidecar does not answer searches yet");
  metrics.meter.addBatchObservableCallback(
    async (result) => {
      if (!isMine()) return;
      const leased = await oldestLeases(catalog);
      for await (const { body } of readAll<StageRecord>(catalog, { collection: "stages" })) {
        const stage = body.manifest.name;
        const { count, sinceMs } = leased.get(stage) ?? { count: 0, sinceMs: Date.now() };
        // A job has a stage at most once, so jobs with a ready step of the stage are ready steps.
        result.observe(steps, await catalog.count("jobs", `ready:${stage}`), { stage, state: "READY" });
        result.observe(steps, count, { stage, state: "LEASED" });
        result.observe(leaseAge, Math.max(0, Date.now() - sinceMs) / 1_000, { stage });
      }
      result.observe(jobs, await catalog.count("jobs", "active"));
      result.observe(unindexed, await catalog.count("assets", "indexing"));
    },
    [steps, leaseAge, jobs, unindexed],
  );
}

/** Of each stage that has any. */
async function oldestLeases(catalog: Catalog): Promise<Map<string, { count: number; sinceMs: number }>> {
  const found = new Map<string, { count: number; sinceMs: number }>();
  for await (const { body } of readAll<Job>(catalog, { collection: "jobs", term: "leased" }))
    for (const { stage, lease } of body.steps) {
      if (lease === undefined) continue;
      const { count, sinceMs } = found.get(stage) ?? { count: 0, sinceMs: Number.POSITIVE_INFINITY };
      found.set(stage, { count: count + 1, sinceMs: Math.min(sinceMs, lease.grantedAtMs) });
    }
  return found;
}
