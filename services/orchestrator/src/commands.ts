import { setTimeout as delay } from "node:timers/promises";
import { DeleteAssetRequest } from "@heimdex/contracts/v1/asset";
import {
  CancelJobRequest,
  CreateJobRequest,
  PlanJobRequest,
  PlanJobResponse,
  RerunAssetsRequest,
  RetryJobRequest,
} from "@heimdex/contracts/v1/job";
import { ListSourcesRequest } from "@heimdex/contracts/v1/source";
import { DisableStageRequest, DisableStageResponse, EnableStageRequest } from "@heimdex/contracts/v1/stage";
import { ReindexResponse } from "@heimdex/contracts/v1/system";
import { HeimdexError } from "@heimdex/errors";
import {
  type AssetRecord,
  assetId,
  type CacheEntry,
  type Job,
  jobEnded,
  newJob,
  requestRecordId,
  type Step,
  uploadId,
  uploadRecordId,
} from "@heimdex/kernel";
import type { Bus, Catalog } from "@heimdex/ports";
import { parseSource, type Sources } from "@heimdex/sources";
import { newSpanId, newTraceId, parseTraceparent } from "@heimdex/telemetry";
import type { AssetRemoval } from "./asset-removal.ts";
import { type Command, readCommand } from "./command.ts";
import { type DryOptions, dryRuns } from "./dry-run.ts";
import type { Estimates } from "./estimates.ts";
import { timeOrderedId } from "./ids.ts";
import type { Indexer } from "./indexer.ts";
import type { Intake } from "./intake.ts";
import type { JobStore } from "./job-store.ts";
import type { JobTrace } from "./job-trace.ts";
import { listSources } from "./list-sources.ts";
import { noteUploadJob } from "./old-uploads.ts";
import type { Plans } from "./plans.ts";
import { rerunAssets } from "./rerun.ts";
import { NOTHING, type StagePurge } from "./stage-purge.ts";
import type { StageRegistry } from "./stage-registry.ts";
import type { Turns } from "./turns.ts";
import type { Upkeep } from "./upkeep.ts";

/** Longest name of a batch, characters. */
const MAX_BATCH = 64;

export interface CommandParts {
  readonly catalog: Catalog;
  readonly store: JobStore;
  readonly intake: Intake;
  readonly turns: Turns;
  readonly upkeep: Upkeep;
  readonly indexer: Indexer;
  readonly estimates: Estimates;
  readonly plans: Plans;
  readonly registry: StageRegistry;
  readonly removal: AssetRemoval;
  readonly purge: StagePurge;
  readonly trace: JobTrace;
  readonly sources: Sources;
  /** As in the orchestrator's configuration. */
  readonly salt: string;
}

type Answer = (command: Command) => Promise<unknown>;

/** Answers the mutating calls of the public API, which the gateway passes on over the bus: subject `api.<Service>.<Method>`, messages as proto3 JSON.
 * A job is answered by its id alone, a stage by nothing: the gateway reads the rest. What writes the index or removes something is carried out by the replica that does
 * the upkeep, whichever is asked. Disposing takes no new commands, and waits for those under way, at most `drainMs`. */
export async function answerCommands(bus: Bus, parts: CommandParts, drainMs: number): Promise<AsyncDisposable> {
  const { upkeep } = parts;
  const anywhere: Readonly<Record<string, Answer>> = {
    "JobService.CreateJob": ({ tenant, request }) => createJob(parts, tenant, CreateJobRequest.fromJSON(request)),
    "JobService.CancelJob": ({ tenant, request }) => cancelJob(parts, tenant, CancelJobRequest.fromJSON(request).job),
    "JobService.RetryJob": ({ tenant, request }) => retryJob(parts, tenant, RetryJobRequest.fromJSON(request)),
    "JobService.PlanJob": ({ tenant, request }) => planJob(parts, tenant, PlanJobRequest.fromJSON(request)),
    "SourceService.ListSources": ({ tenant, request }) =>
      listSources(parts.sources, tenant, ListSourcesRequest.fromJSON(request)),
    "JobService.RerunAssets": ({ tenant, request }) =>
      rerunAssets(
        { ...parts, dryOptions: (steps) => dryOptions(parts, steps) },
        tenant,
        RerunAssetsRequest.fromJSON(request),
        (source, again) => createJob(parts, tenant, CreateJobRequest.fromPartial(source), again),
      ),
  };
  const once: Readonly<Record<string, Answer>> = {
    "AssetService.DeleteAsset": async ({ tenant, request }) => {
      await parts.removal.remove(tenant, DeleteAssetRequest.fromJSON(request).asset);
      return {};
    },
    "StageService.DisableStage": ({ request }) => disableStage(parts, DisableStageRequest.fromJSON(request)),
    "StageService.EnableStage": async ({ request }) => {
      await parts.purge.enable(EnableStageRequest.fromJSON(request).stage);
      await parts.plans.refresh();
      return {};
    },
    "SystemService.Reindex": async ({ tenant }) => ReindexResponse.toJSON(await parts.indexer.rebuild(tenant)),
  };
  const running = new Set<Promise<unknown>>();
  const tracked = (answering: Promise<unknown>): Promise<unknown> => {
    const ended = () => void running.delete(answering);
    running.add(answering);
    answering.then(ended, ended);
    return answering;
  };
  const passed = await Promise.all(
    Object.entries(once).map(([method, answer]) =>
      upkeep.answer(method, (command: Command) => tracked(answer(command))),
    ),
  );
  const asked = await Promise.all([
    ...Object.entries(anywhere).map(([method, answer]) =>
      bus.respond(`api.${method}`, async (payload) => tracked(answer(readCommand(payload)))),
    ),
    ...Object.entries(once).map(([method, answer]) =>
      bus.respond(`api.${method}`, async (payload, _, signal) =>
        tracked(upkeep.run(method, readCommand(payload), answer, signal)),
      ),
    ),
  ]);
  const subscriptions = [...passed.filter((subscription) => subscription !== undefined), ...asked];
  const close = async () => {
    await Promise.all(subscriptions.map((subscription) => subscription[Symbol.asyncDispose]()));
    const late = new AbortController();
    const ended = Promise.allSettled(running).finally(() => late.abort());
    await Promise.race([ended, delay(drainMs, undefined, { signal: late.signal }).catch(() => {})]);
  };
  let closing: Promise<void> | undefined;
  return {
    [Symbol.asyncDispose]() {
      closing ??= close();
      return closing;
    },
  };
}

/** @param again stages that run even if their results are known */
async function createJob(
  parts: CommandParts,
  tenant: string,
  request: CreateJobRequest,
  again: readonly string[] = [],
): Promise<{ readonly job: string }> {
  const place = parseSource(request.sourceUri); // refuses what can never be read before a job exists
  const { uri: sourceUri } = place;
  const upload = place.kind === "upload" ? uploadRecordId(tenant, uploadId(place.sha256, place.size)) : undefined;
  await parts.sources.check(tenant, sourceUri);
  const nowMs = Date.now();
  const parent = parseTraceparent(request.traceparent);
  if (request.batch.length > MAX_BATCH) {
    const description = `at most ${MAX_BATCH} characters`;
    throw new HeimdexError("INVALID_ARGUMENT", `batch: ${description}, not ${request.batch.length}`, {
      fields: [{ field: "batch", description }],
    });
  }
  const batched = {
    tenant,
    priority: Math.max(-100, Math.min(100, request.priority)),
    ...(request.batch === "" ? {} : { batch: request.batch }),
  };
  const job = newJob({
    ...batched,
    turn: await parts.turns.next(batched),
    id: timeOrderedId("j", nowMs),
    sourceUri,
    reread: request.reread,
    ...(again.length > 0 && { again }),
    createdAtMs: nowMs,
    traceId: parent?.traceId ?? newTraceId(),
    rootSpanId: newSpanId(),
    parentSpanId: parent?.spanId ?? "",
  });
  const id = request.requestId === "" ? job.id : await claimRequest(parts, tenant, request.requestId, job.id);
  if (id === job.id || (await parts.store.get(id)) === undefined) {
    if (upload !== undefined) await noteUploadJob(parts.catalog, upload, id);
    await parts.store.create({ ...job, id });
  }
  parts.intake.add({ ...job, id });
  return { job: id };
}

async function disableStage(
  { purge, plans }: CommandParts,
  { stage, dryRun, keep }: DisableStageRequest,
): Promise<unknown> {
  const { removed, jobsUnderWay } = dryRun
    ? { removed: keep ? NOTHING : await purge.holdings(stage), jobsUnderWay: 0 }
    : await purge.disable(stage, keep);
  await plans.refresh();
  return DisableStageResponse.toJSON(DisableStageResponse.fromPartial({ removed, jobsUnderWay }));
}

/** Orders requests by their time. */
export function requestSort(atMs: number): string {
  return String(atMs).padStart(16, "0");
}

/** The job that a request id stands for: this one's id for the first caller, the first one's for all others. */
async function claimRequest(
  { catalog }: CommandParts,
  tenant: string,
  requestId: string,
  job: string,
): Promise<string> {
  const id = requestRecordId(tenant, requestId);
  const [claimed] = await catalog.write([
    { op: "insert", collection: "requests", id, terms: [], sort: requestSort(Date.now()), body: { job } },
  ]);
  if (claimed?.ok === true) return job;
  return (await catalog.get<{ job: string }>("requests", id))?.body.job ?? job;
}

async function cancelJob({ store, trace }: CommandParts, tenant: string, id: string): Promise<unknown> {
  const before = await requireJob(store, tenant, id);
  const atMs = Date.now();
  const { job, applied } = await store.apply(id, { kind: "cancel", atMs });
  if (!applied)
    throw new HeimdexError("JOB_ENDED", `job ${id} has ended already: ${job.state}`, { metadata: { job: id } });
  for (const { stage, lease, worker } of before.steps) {
    if (lease === undefined) continue;
    trace.own(job, {
      name: `attempt ${stage}`,
      spanId: lease.spanId,
      parentId: "",
      startMs: lease.grantedAtMs,
      durationMs: atMs - lease.grantedAtMs,
      attributes: { stage, attempt: String(lease.epoch), worker, outcome: "cancelled" },
    });
  }
  return { job: id };
}

async function retryJob(parts: CommandParts, tenant: string, request: RetryJobRequest): Promise<unknown> {
  const job = await requireJob(parts.store, tenant, request.job);
  if (!jobEnded(job.state))
    throw new HeimdexError("ASSET_BUSY", `job ${request.job} has not ended yet`, {
      metadata: { job: request.job },
      help: "Wait for its end, or cancel it first.",
    });
  return createJob(
    parts,
    tenant,
    CreateJobRequest.fromPartial({ sourceUri: job.sourceUri, priority: job.priority, requestId: request.requestId }),
  );
}

/** The job as stored. Throws JOB_NOT_FOUND, also for another tenant's. */
async function requireJob(store: JobStore, tenant: string, id: string): Promise<Job> {
  const job = /^j_[0-9a-f]{1,64}$/.test(id) ? (await store.read(id))?.body : undefined;
  if (job?.tenant === tenant) return job;
  throw new HeimdexError("JOB_NOT_FOUND", `there is no job ${id.slice(0, 64)}`, { metadata: { job: id.slice(0, 64) } });
}

async function planJob(parts: CommandParts, tenant: string, request: PlanJobRequest): Promise<unknown> {
  const { uri } = parseSource(request.sourceUri);
  await parts.sources.check(tenant, uri);
  const facts = await parts.sources.stat(tenant, uri);
  const known = await parts.intake.remembered(tenant, uri, facts);
  const id = known === undefined ? "" : assetId(tenant, known.fingerprint);
  const asset = id === "" ? undefined : (await parts.catalog.get<AssetRecord>("assets", id))?.body;
  const plan = await parts.intake.plan(request.models);
  const subject = {
    tenant,
    uri,
    fingerprint: known?.fingerprint ?? "",
    size: facts.size,
    neighbours: await parts.intake.neighboursOf(tenant, uri, plan),
    latestJob: asset?.latestJob ?? "",
  };
  const [steps = []] = await dryRuns([subject], dryOptions(parts, plan));
  return PlanJobResponse.toJSON({
    asset: id,
    steps: steps.map(({ stage, action, why }) => {
      const step = plan.find((each) => each.stage === stage) ?? { stage, models: [] };
      const { ms, samples } = parts.estimates.of(step, asset?.durationMs ?? 0);
      return { stage, action, why, estimateMs: action === "RUN" || action === "UNKNOWN" ? ms : 0, samples };
    }),
  });
}

/** Documents read at once. */
const READ_AT_ONCE = 1000;

/** What trying a plan needs of the server: what the catalog has. */
function dryOptions({ catalog, salt }: Pick<CommandParts, "catalog" | "salt">, steps: readonly Step[]): DryOptions {
  const read = async <B>(collection: "cache" | "jobs", ids: readonly string[]) => {
    const found: (B | undefined)[] = [];
    for (let from = 0; from < ids.length; from += READ_AT_ONCE)
      for (const document of await catalog.getMany<B>(collection, ids.slice(from, from + READ_AT_ONCE)))
        found.push(document?.body);
    return found;
  };
  return { steps, salt, lookUp: (keys) => read<CacheEntry>("cache", keys), jobs: (ids) => read<Job>("jobs", ids) };
}
