import { type CreateJobRequest, type RerunAssetsRequest, RerunAssetsResponse } from "@heimdex/contracts/v1/job";
import { HeimdexError } from "@heimdex/errors";
import type { AssetRecord, Step } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";
import { mapBounded } from "./bounded.ts";
import { type DryOptions, type DryStep, dryRuns } from "./dry-run.ts";
import type { Estimates } from "./estimates.ts";
import { type Intake, runAgain } from "./intake.ts";
import type { Plans } from "./plans.ts";
import type { StageRegistry } from "./stage-registry.ts";

export interface RerunParts {
  readonly catalog: Catalog;
  readonly intake: Intake;
  readonly plans: Plans;
  readonly registry: StageRegistry;
  readonly estimates: Estimates;
  readonly dryOptions: (steps: readonly Step[]) => DryOptions;
}

/** Makes a job for a source. */
export type CreateJob = (
  request: Partial<CreateJobRequest>,
  again: readonly string[],
) => Promise<{ readonly job: string }>;

const PAGE = 200;
const MOST_CAUSES = 5;
/** Each job is a write to disk; writes of one moment share theirs. */
const CREATED_AT_ONCE = 16;

/** An asset to be worked on, and the source to read it from. */
interface Subject {
  readonly asset: AssetRecord;
  readonly uri: string;
}
/** With what its job would do, in the order of the plan. */
interface Tried extends Subject {
  readonly steps: readonly DryStep[];
}

/** JobService.RerunAssets, with the id of an asset as page token. What is planned from is what the catalog knows of an asset; its job then reads the source as any does. */
export async function rerunAssets(
  parts: RerunParts,
  tenant: string,
  request: RerunAssetsRequest,
  create: CreateJob,
): Promise<unknown> {
  const { intake, plans, registry } = parts;
  for (const stage of request.stages) await registry.require(stage);
  const assets = await readAssets(parts.catalog, tenant, request);
  const plan = await intake.plan();
  const upToDate = await plans.upToDate(plan);
  const isDone = ({ plan: digest }: AssetRecord) => digest !== undefined && upToDate.has(digest);
  const open = assets.filter((asset) => request.stages.length > 0 || !isDone(asset));
  const subjects = open.flatMap((asset): Subject[] => {
    const uri = asset.sources.find(({ missing }) => !missing)?.uri;
    return uri === undefined ? [] : [{ asset, uri }];
  });
  const steps = runAgain(plan, request.stages);
  const tried = await tryPlan(parts, steps, subjects);
  // A stage that is to run again may not apply to the asset: nothing is to be done then.
  const worked = tried.filter(
    ({ asset, steps: its }) => !isDone(asset) || its.some((step) => isAsked(step, request.stages)),
  );
  const reruns = await mapBounded(worked, CREATED_AT_ONCE, async ({ asset, uri }) => {
    const requestId = request.requestId === "" ? "" : `${request.requestId} ${asset.id}`;
    const { job } = request.dryRun
      ? { job: "" }
      : await create({ sourceUri: uri, priority: request.priority, requestId }, request.stages);
    return { asset: asset.id, sourceUri: uri, job };
  });
  const isPage = request.assets.length === 0 && assets.length === (request.pageSize || PAGE);
  return RerunAssetsResponse.toJSON({
    reruns,
    upToDate: assets.length - open.length + subjects.length - worked.length,
    missing: open.length - subjects.length,
    stages: forecast(parts.estimates, steps, worked),
    nextPageToken: isPage ? (assets.at(-1)?.id ?? "") : "",
  });
}

async function readAssets(catalog: Catalog, tenant: string, request: RerunAssetsRequest): Promise<AssetRecord[]> {
  if (request.assets.length === 0) {
    const after = request.pageToken === "" ? {} : { after: { id: request.pageToken } };
    const limit = request.pageSize || PAGE;
    const query = { collection: "assets", term: `tenant:${tenant}`, limit, ...after } as const;
    return (await catalog.find<AssetRecord>(query)).map(({ body }) => body);
  }
  const ids = [...new Set(request.assets)];
  const found = await catalog.getMany<AssetRecord>("assets", ids);
  return found.map((document, at) => {
    if (document?.body.tenant === tenant) return document.body;
    const asset = ids[at] ?? "";
    throw new HeimdexError("ASSET_NOT_FOUND", `there is no asset ${asset}`, { metadata: { asset } });
  });
}

function isAsked({ stage, action }: DryStep, stages: readonly string[]): boolean {
  return stages.includes(stage) && (action === "RUN" || action === "UNKNOWN");
}

async function tryPlan(
  { dryOptions }: RerunParts,
  plan: readonly Step[],
  subjects: readonly Subject[],
): Promise<Tried[]> {
  const tried = await dryRuns(
    subjects.map(({ asset: { tenant, fingerprint, size, latestJob, neighbours = [] }, uri }) => ({
      ...{ tenant, uri, fingerprint, size, neighbours, latestJob },
    })),
    dryOptions(plan),
  );
  return subjects.map((subject, at) => ({ ...subject, steps: tried[at] ?? [] }));
}

/** What becomes of each stage, summed over the assets. */
function forecast(
  estimates: Estimates,
  plan: readonly Step[],
  worked: readonly Tried[],
): RerunAssetsResponse["stages"] {
  return plan.map((step, at) => {
    const all = worked.flatMap(({ asset, steps }) => (steps[at] === undefined ? [] : [{ asset, ...steps[at] }]));
    const by = (action: DryStep["action"]) => all.filter((one) => one.action === action);
    const [run, unknown] = [by("RUN"), by("UNKNOWN")];
    const causes = [...Map.groupBy(run, ({ why }) => why)].map(([why, its]) => ({ why, assets: its.length }));
    const expected = [...run, ...unknown].map(({ asset }) => estimates.of(step, asset.durationMs).ms);
    return {
      stage: step.stage,
      ...{ run: run.length, cached: by("CACHED").length, skipped: by("SKIPPED").length, unknown: unknown.length },
      estimateMs: expected.reduce((sum, ms) => sum + ms, 0),
      samples: estimates.of(step, 0).samples,
      causes: causes.sort((a, b) => b.assets - a.assets).slice(0, MOST_CAUSES),
    };
  });
}
