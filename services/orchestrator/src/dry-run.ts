import {
  type ArtifactRef,
  type CacheEntry,
  DEFAULT_RETRY_POLICY,
  isFinal,
  type Job,
  newJob,
  reduce,
  type Step,
} from "@heimdex/kernel";

export interface DryStep {
  readonly stage: string;
  readonly action: "RUN" | "CACHED" | "SKIPPED" | "UNKNOWN";
  readonly why: string;
}

/** What a job would do with each stage: the reducer itself, told of cached results only. What it cannot go past is what would run. */
export async function dryRun(plan: {
  readonly tenant: string;
  readonly uri: string;
  /** "" when the bytes have not been read yet. */
  readonly fingerprint: string;
  readonly size: number;
  /** What lies beside the source now. */
  readonly neighbours: readonly ArtifactRef[];
  readonly salt: string;
  readonly steps: readonly Step[];
  readonly lookUp: (keys: readonly string[]) => Promise<readonly (CacheEntry | undefined)[]>;
}): Promise<DryStep[]> {
  if (plan.fingerprint === "") return plan.steps.map((step) => unread(step));
  const config = { retry: DEFAULT_RETRY_POLICY, salt: plan.salt };
  const planned = {
    kind: "planned",
    atMs: 0,
    asset: "dry-run",
    fingerprint: plan.fingerprint,
    sourceSize: plan.size,
    sourceModifiedMs: 0,
    neighbours: plan.neighbours,
    steps: plan.steps,
  } as const;
  let { job, effects } = reduce(newJob({ id: "dry-run", tenant: plan.tenant, sourceUri: plan.uri }), planned, config);
  for (;;) {
    const keys = effects.filter((effect) => effect.kind === "look-up");
    if (keys.length === 0) break;
    const hits = await plan.lookUp(keys.map((effect) => effect.key));
    const next = [];
    for (const [index, { stage, key }] of keys.entries()) {
      const reduced = reduce(job, { kind: "looked-up", atMs: 0, stage, key, hit: hits[index] }, config);
      job = reduced.job;
      next.push(...reduced.effects);
    }
    effects = next;
  }
  return job.steps.map((step) => outcome(step, job));
}

function unread(step: Step): DryStep {
  if (step.state === "SKIPPED") return { stage: step.stage, action: "SKIPPED", why: step.reason };
  if (step.after.length > 0)
    return { stage: step.stage, action: "UNKNOWN", why: `depends on ${step.after.join(", ")}` };
  return { stage: step.stage, action: "RUN", why: "the file has not been read yet, or has changed" };
}

function outcome(step: Step, job: Job): DryStep {
  const { stage } = step;
  if (step.state === "CACHED")
    return { stage, action: "CACHED", why: "same input, stage, models and configuration as before" };
  if (isFinal(step.state)) return { stage, action: "SKIPPED", why: step.reason };
  if (step.state === "READY")
    return { stage, action: "RUN", why: "no result is known for this input, stage, models and configuration" };
  const open = step.after.filter((name) => job.steps.some((other) => other.stage === name && !isFinal(other.state)));
  return { stage, action: "UNKNOWN", why: `depends on ${open.join(", ")}` };
}
