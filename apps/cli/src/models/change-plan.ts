import type { Asset } from "@heimdex/contracts/v1/asset";
import type { AssumedModel, PlannedStep } from "@heimdex/contracts/v1/job";
import { HeimdexError } from "@heimdex/errors";
import { choicesFor, locateModel } from "@heimdex/models";
import type { Archive } from "../archive.ts";
import { concurrently } from "../concurrently.ts";
import { allPages } from "../pages.ts";
import type { ModelSetting } from "./model-setting.ts";

/** Plans are asked for so many at a time: each is a few reads. */
const PLANNED_AT_ONCE = 8;

/** What new settings would make one stage do. */
export interface StageWork {
  readonly stage: string;
  /** Assets it would run on. */
  readonly assets: number;
  /** Assets it would run on if what it reads comes out otherwise than before. */
  readonly assets_perhaps: number;
  /** Wall time for all of them, ms; 0 when unknown. */
  readonly estimate_ms: number;
  /** Earlier runs with these models that the estimate rests on; 0: nothing is known. */
  readonly samples: number;
}

export interface ChangePlan {
  /** Stages that would run, in plan order. */
  readonly stages: readonly StageWork[];
  /** Sources of the assets on which something would run. */
  readonly sources: readonly string[];
  /** Sources of the assets whose results with these models are known from before: they only have to be put together anew. */
  readonly cached: readonly string[];
  /** Assets whose file is not there: they stay as they are. */
  readonly missing: number;
}

/** The models that are to be used, where they are. Throws NO_MODEL, naming all that are not there. */
export async function assumedModels(settings: readonly ModelSetting[]): Promise<AssumedModel[]> {
  const assumed: AssumedModel[] = [];
  const missing = new Set<string>();
  let help = "";
  for (const { stage, to } of settings) {
    if (to === "") continue;
    const located = await locateModel(to);
    const insteadOf = choicesFor(stage).map(({ id }) => id);
    if (located.available) assumed.push({ stage, model: to, sha256: located.sha256, insteadOf });
    else {
      missing.add(to);
      help = located.help;
    }
  }
  if (missing.size === 0) return assumed;
  const names = [...missing];
  throw new HeimdexError("NO_MODEL", `${names.join(", ")}: not there yet, and nothing else was changed`, {
    help: names.length === 1 ? help : `Fetch them: \`heimdex models pull ${names.join(" ")}\`.`,
    metadata: { models: names.join(",") },
  });
}

/** What would run again, asset by asset.
 * @param stages those that are to be set
 * @param assumed models they do not run with yet */
export async function planChange(
  archive: Archive,
  stages: ReadonlySet<string>,
  assumed: readonly AssumedModel[],
  signal: AbortSignal,
): Promise<ChangePlan> {
  const assets: Asset[] = [];
  for await (const asset of allPages(
    (pageToken) => archive.call((api) => api.assets.listAssets({ pageToken, pageSize: 1000 })),
    (page) => page.assets,
  ))
    assets.push(asset);
  const plans = await concurrently(assets, PLANNED_AT_ONCE, signal, async ({ sources }) => {
    for (const { uri } of sources) {
      const steps = await stepsOf(archive, uri, assumed, signal);
      if (steps !== undefined) return { uri, steps };
    }
    return undefined;
  });
  const which = (is: (step: PlannedStep) => boolean) =>
    plans.filter((plan) => plan?.steps.some((step) => stages.has(step.stage) && is(step)));
  const concerned = which(isOpen);
  const cached = which(({ action }) => action === "CACHED").filter((plan) => !concerned.includes(plan));
  const work = new Map<string, StageWork>();
  for (const plan of concerned) for (const step of plan?.steps ?? []) if (isOpen(step)) add(work, step);
  return {
    stages: [...work.values()],
    sources: concerned.flatMap((plan) => plan?.uri ?? []),
    cached: cached.flatMap((plan) => plan?.uri ?? []),
    missing: plans.filter((plan) => plan === undefined).length,
  };
}

const isOpen = ({ action }: PlannedStep) => action === "RUN" || action === "UNKNOWN";

function add(work: Map<string, StageWork>, { stage, action, estimateMs, samples }: PlannedStep): void {
  const before = work.get(stage) ?? { assets: 0, assets_perhaps: 0, estimate_ms: 0, samples: 0 };
  work.set(stage, {
    stage,
    assets: before.assets + (action === "RUN" ? 1 : 0),
    assets_perhaps: before.assets_perhaps + (action === "UNKNOWN" ? 1 : 0),
    estimate_ms: before.estimate_ms + estimateMs,
    samples: Math.max(before.samples, samples),
  });
}

/** Undefined where the source cannot be read now. */
async function stepsOf(archive: Archive, sourceUri: string, models: readonly AssumedModel[], signal: AbortSignal) {
  try {
    const { steps } = await archive.call((api) => api.jobs.planJob({ sourceUri, models: [...models] }, { signal }));
    return steps;
  } catch (reason) {
    signal.throwIfAborted();
    if (reason instanceof HeimdexError && SOURCE_GONE.test(reason.id)) return undefined;
    throw reason;
  }
}
const SOURCE_GONE = /^SOURCE_/;
