import {
  type ArtifactRef,
  type CacheEntry,
  DEFAULT_RETRY_POLICY,
  type Effect,
  isFinal,
  type Job,
  newJob,
  type Reduced,
  reduce,
  runCause,
  type Step,
} from "@heimdex/kernel";

export interface DryStep {
  readonly stage: string;
  readonly action: "RUN" | "CACHED" | "SKIPPED" | "UNKNOWN";
  readonly why: string;
}

/** What would be worked on. */
export interface DrySubject {
  readonly tenant: string;
  readonly uri: string;
  /** "" when the bytes have not been read yet. */
  readonly fingerprint: string;
  readonly size: number;
  /** What lies beside the source. */
  readonly neighbours: readonly ArtifactRef[];
  /** The last job of the asset that ended well, "" where there is none: what has changed since says why a stage would run. */
  readonly latestJob: string;
}

export interface DryOptions {
  /** As the planner gives them. */
  readonly steps: readonly Step[];
  readonly salt: string;
  /** Results by step key, in the order of the keys, of which there may be any number. */
  readonly lookUp: (keys: readonly string[]) => Promise<readonly (CacheEntry | undefined)[]>;
  /** Jobs in the order of their ids, of which there may be any number. */
  readonly jobs: (ids: readonly string[]) => Promise<readonly (Job | undefined)[]>;
}

type LookUp = Effect & { readonly kind: "look-up" };

/** What a job would do with each stage, for each subject: the reducer itself, told of cached results only. What it cannot go past is what would run. The
 * cache is asked for all subjects at once, as often as steps wait for each other. */
export async function dryRuns(subjects: readonly DrySubject[], options: DryOptions): Promise<DryStep[][]> {
  const { steps, salt, lookUp } = options;
  const config = { retry: DEFAULT_RETRY_POLICY, salt };
  const runs = subjects.map(({ tenant, uri, fingerprint, size, neighbours }) => {
    if (fingerprint === "") return undefined;
    const planned = {
      kind: "planned",
      atMs: 0,
      asset: "dry-run",
      fingerprint,
      sourceSize: size,
      sourceModifiedMs: 0,
      neighbours,
      steps,
    } as const;
    return withLookUps(reduce(newJob({ id: "dry-run", tenant, sourceUri: uri }), planned, config));
  });
  for (;;) {
    const asked = runs.flatMap((run) => run?.lookUps.map(({ key }) => key) ?? []);
    if (asked.length === 0) break;
    const hits = (await lookUp(asked)).values();
    for (const [at, run] of runs.entries()) {
      if (run === undefined || run.lookUps.length === 0) continue;
      let { job } = run;
      const next: LookUp[] = [];
      for (const { stage, key } of run.lookUps) {
        const hit = hits.next().value;
        const looked = withLookUps(reduce(job, { kind: "looked-up", atMs: 0, stage, key, hit }, config));
        job = looked.job;
        next.push(...looked.lookUps);
      }
      runs[at] = { job, lookUps: next };
    }
  }
  // Job documents are large: only where something runs has anybody to know what was before.
  const latest = runs.map((run, at) => (run?.job.steps.some(needsCause) ? (subjects[at]?.latestJob ?? "") : ""));
  const ids = latest.filter((id) => id !== "");
  const before = new Map((await options.jobs(ids)).map((job, at) => [ids[at] ?? "", job]));
  return runs.map((run, at) =>
    run === undefined
      ? steps.map(unread)
      : run.job.steps.map((step) => outcome(step, run.job, before.get(latest[at] ?? ""))),
  );
}

function needsCause({ state, cause }: Step): boolean {
  return state === "READY" && cause === undefined;
}

function withLookUps({ job, effects }: Reduced): { readonly job: Job; readonly lookUps: readonly LookUp[] } {
  return { job, lookUps: effects.filter((effect) => effect.kind === "look-up") };
}

function unread(step: Step): DryStep {
  const { stage, after } = step;
  if (step.state === "SKIPPED") return { stage, action: "SKIPPED", why: step.reason };
  if (after.length > 0) return { stage, action: "UNKNOWN", why: `depends on ${after.join(", ")}` };
  return { stage, action: "RUN", why: "the file has not been read yet, or has changed" };
}

function outcome(step: Step, job: Job, before: Job | undefined): DryStep {
  const { stage } = step;
  if (step.state === "CACHED")
    return { stage, action: "CACHED", why: "same input, stage, models and configuration as before" };
  if (isFinal(step.state)) return { stage, action: "SKIPPED", why: step.reason };
  if (step.state === "READY") return { stage, action: "RUN", why: step.cause ?? runCause(job, step, before) };
  const open = step.after.filter((name) => job.steps.some((other) => other.stage === name && !isFinal(other.state)));
  return { stage, action: "UNKNOWN", why: `depends on ${open.join(", ")}` };
}
