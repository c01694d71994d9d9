import {
  CancelJobRequest,
  CreateJobRequest,
  type GetJobRequest,
  type GetTraceRequest,
  Job,
  type ListJobsRequest,
  type ListJobsResponse,
  PlanJobRequest,
  PlanJobResponse,
  RerunAssetsRequest,
  RerunAssetsResponse,
  RetryJobRequest,
  type Trace,
  type WatchJobRequest,
  type WatchJobResponse,
} from "@heimdex/contracts/v1/job";
import { type Job as JobRecord, jobEnded, type SpanData, type SpanRecord } from "@heimdex/kernel";
import { type Bus, type Catalog, readAll } from "@heimdex/ports";
import { formatTraceparent, parseTraceparent, type Tracer } from "@heimdex/telemetry";
import { z } from "zod";
import { type Call, traceparentOf } from "./call.ts";
import { fitPage, readPage } from "./catalog-pages.ts";
import type { GatewayConfig } from "./config.ts";
import { JobQuota } from "./job-quota.ts";
import { JobReader } from "./job-reader.ts";
import type { JsonCodec, OrchestratorClient } from "./orchestrator-client.ts";
import { decodePageToken, encodePageToken } from "./page-token.ts";
import { Violations } from "./violations.ts";
import { watchJob } from "./watch-job.ts";

const position = z.strictObject({ id: z.string().max(512), sort: z.string().max(128) });

const assetPosition = z.strictObject({ asset: z.string().max(512) });

/** Assets that are looked at in one call. */
const MAX_RERUN = 500;
const MAX_STAGES = 64;

/** Models a plan may assume: more than there are stages. */
const MAX_ASSUMED = 64;

/** heimdex.v1.JobService: reads from the catalog, changes through the orchestrator. */
export class JobService {
  readonly #catalog: Catalog;
  readonly #bus: Bus;
  readonly #config: GatewayConfig;
  readonly #orchestrator: OrchestratorClient;
  readonly #jobs: JobReader;
  readonly #quota: JobQuota;
  readonly #tracer: Tracer | undefined;
  readonly #stopping: AbortSignal;

  /** @param stopping ends watches */
  constructor(
    catalog: Catalog,
    bus: Bus,
    orchestrator: OrchestratorClient,
    config: GatewayConfig,
    tracer: Tracer | undefined,
    stopping: AbortSignal,
  ) {
    this.#tracer = tracer;
    this.#stopping = stopping;
    this.#catalog = catalog;
    this.#bus = bus;
    this.#config = config;
    this.#orchestrator = orchestrator;
    this.#jobs = new JobReader(catalog, config.sessionTtlMs);
    this.#quota = new JobQuota(catalog, config.limits.activeJobs);
  }

  async createJob(request: CreateJobRequest, call: Call): Promise<Job> {
    const violations = new Violations();
    violations.sourceUri("source_uri", request.sourceUri);
    violations.check(Math.abs(request.priority) <= 100, "priority", "must be -100 to 100");
    violations.requestId("request_id", request.requestId);
    violations.traceparent("traceparent", request.traceparent);
    violations.throwIfAny();
    await this.#checkQuota(call);
    const traceparent = request.traceparent === "" ? traceparentOf(call) : request.traceparent;
    const create = (parent: string) =>
      this.#change("JobService.CreateJob", [CreateJobRequest, { ...request, traceparent: parent }], call);
    // Without anybody who gets it, the span would be a parent that is nowhere.
    if (this.#tracer?.isExporting !== true) return create(traceparent);
    const span = { parent: parseTraceparent(traceparent), attributes: { source: request.sourceUri } };
    return this.#tracer.span("create job", span, (own) => create(formatTraceparent(own)));
  }

  async getJob(request: GetJobRequest, { caller }: Call): Promise<Job> {
    const violations = new Violations();
    violations.id("job", request.job);
    violations.throwIfAny();
    return (await this.#jobs.read(caller.tenant, request.job)).job;
  }

  async listJobs(request: ListJobsRequest, { caller: { tenant } }: Call): Promise<ListJobsResponse> {
    const violations = new Violations();
    const size = violations.pageSize("page_size", request.pageSize, 1000, 100);
    violations.optionalId("asset", request.asset);
    const scope = ["ListJobs", tenant, request.activeOnly, request.asset];
    const after = decodePageToken(request.pageToken, scope, position, violations);
    violations.throwIfAny();
    const page = await readPage<JobRecord>(
      this.#catalog,
      {
        collection: "jobs",
        term: request.asset !== "" ? `asset:${request.asset}` : request.activeOnly ? "active" : `tenant:${tenant}`,
        by: "id", // ids sort by time
        descending: true,
        ...(after === undefined ? {} : { after }),
      },
      size,
      (job) => job.tenant === tenant && (!request.activeOnly || !jobEnded(job.state)),
    );
    const toMessage = await this.#jobs.messages(tenant, page.documents);
    const { messages, next } = fitPage(page, toMessage, (job) => Job.encode(job).finish().length);
    return { jobs: messages, nextPageToken: next === undefined ? "" : encodePageToken(scope, next) };
  }

  async cancelJob(request: CancelJobRequest, call: Call): Promise<Job> {
    const violations = new Violations();
    violations.id("job", request.job);
    violations.throwIfAny();
    await this.#jobs.document(call.caller.tenant, request.job);
    return this.#change("JobService.CancelJob", [CancelJobRequest, request], call);
  }

  async retryJob(request: RetryJobRequest, call: Call): Promise<Job> {
    const violations = new Violations();
    violations.id("job", request.job);
    violations.requestId("request_id", request.requestId);
    violations.throwIfAny();
    await this.#jobs.document(call.caller.tenant, request.job);
    await this.#checkQuota(call);
    return this.#change("JobService.RetryJob", [RetryJobRequest, request], call);
  }

  async planJob(request: PlanJobRequest, call: Call): Promise<PlanJobResponse> {
    const violations = new Violations();
    violations.sourceUri("source_uri", request.sourceUri);
    violations.check(request.models.length <= MAX_ASSUMED, "models", `at most ${MAX_ASSUMED}`);
    for (const [at, { sha256 }] of request.models.entries())
      violations.check(/^[0-9a-f]{64}$/.test(sha256), `models[${at}].sha256`, "64 hexadecimal digits");
    violations.throwIfAny();
    return this.#ask("JobService.PlanJob", [PlanJobRequest, request], PlanJobResponse, call);
  }

  async rerunAssets(request: RerunAssetsRequest, call: Call): Promise<RerunAssetsResponse> {
    const violations = new Violations();
    violations.check(request.assets.length <= MAX_RERUN, "assets", `at most ${MAX_RERUN}`);
    for (const [at, asset] of request.assets.entries()) violations.id(`assets[${at}]`, asset);
    violations.check(request.stages.length <= MAX_STAGES, "stages", `at most ${MAX_STAGES}`);
    for (const [at, stage] of request.stages.entries())
      violations.check(stage !== "" && stage.length <= 128, `stages[${at}]`, "must be 1 to 128 characters");
    const pageSize = violations.pageSize("page_size", request.pageSize, MAX_RERUN, 200);
    violations.check(Math.abs(request.priority) <= 100, "priority", "must be -100 to 100");
    violations.requestId("request_id", request.requestId);
    const scope = ["RerunAssets", call.caller.tenant, request.stages, request.dryRun];
    const pageToken = decodePageToken(request.pageToken, scope, assetPosition, violations)?.asset ?? "";
    violations.throwIfAny();
    if (!request.dryRun) await this.#checkQuota(call);
    const page = { ...request, pageSize, pageToken };
    const reply = await this.#ask("JobService.RerunAssets", [RerunAssetsRequest, page], RerunAssetsResponse, call);
    const { nextPageToken: asset } = reply;
    return { ...reply, nextPageToken: asset === "" ? "" : encodePageToken(scope, { asset }) };
  }

  async *watchJob(request: WatchJobRequest, call: Call): AsyncGenerator<WatchJobResponse, void, undefined> {
    const violations = new Violations();
    violations.id("job", request.job);
    violations.throwIfAny();
    const signal = AbortSignal.any([call.signal, this.#stopping]);
    const { afterVersion, untilSearchable } = request;
    const { tenant } = call.caller;
    const options = { tenant, afterVersion, untilSearchable, pollMs: this.#config.watchPollMs, signal };
    for await (const job of watchJob(this.#jobs, this.#bus, request.job, options)) yield { job };
  }

  async getTrace(request: GetTraceRequest, { caller }: Call): Promise<Trace> {
    const violations = new Violations();
    violations.id("job", request.job);
    violations.throwIfAny();
    const { body: job } = await this.#jobs.document(caller.tenant, request.job);
    // A batch may have been written twice, by two replicas or after a crash: one span id is one span.
    const spans = new Map<string, SpanData>();
    const batches = readAll<SpanRecord>(this.#catalog, { collection: "spans", term: `job:${request.job}` });
    for await (const { body } of batches) for (const span of body.spans) spans.set(span.spanId, span);
    const byStart = [...spans.values()].sort((a, b) => a.startMs - b.startMs || b.durationMs - a.durationMs);
    return { traceId: job.traceId, spans: byStart.map((span) => ({ ...span, attributes: { ...span.attributes } })) };
  }

  async #checkQuota({ caller }: Call): Promise<void> {
    await this.#quota.take(caller.tenant);
  }

  /** The reply need only name the job; how it stands is read where every other call reads it. */
  async #change<Request>(
    method: `JobService.${string}`,
    request: readonly [JsonCodec<Request>, Request],
    call: Call,
  ): Promise<Job> {
    const { job } = await this.#ask(method, request, Job, call);
    return (await this.#jobs.read(call.caller.tenant, job)).job;
  }

  #ask<Request, Reply>(
    method: `JobService.${string}`,
    request: readonly [JsonCodec<Request>, Request],
    reply: JsonCodec<Reply>,
    { caller, signal }: Call,
  ): Promise<Reply> {
    const options = { tenant: caller.tenant, timeoutMs: this.#config.requestTimeoutMs, signal };
    return this.#orchestrator.call(method, request, reply, options);
  }
}
