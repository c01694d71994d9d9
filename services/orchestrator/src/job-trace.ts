import type { Job, SpanData } from "@heimdex/kernel";
import type { Catalog, WriteOp } from "@heimdex/ports";
import type { Histogram, Telemetry } from "@heimdex/telemetry";
import { timeOrderedId } from "./ids.ts";

/** The name under which this process's spans are shown. */
const SERVICE = "orchestrator";
/** Spans of one attempt that are kept. */
const MAX_WORKER_SPANS = 32;
const BATCH_BYTES = 128 * 1024;

type OwnSpan = Omit<SpanData, "service" | "error"> & { readonly error?: string };

/** Collects the spans of jobs: exports those this process made, and stores all, in batches, for the local waterfall. */
export class JobTrace {
  readonly #catalog: Catalog;
  readonly #telemetry: Telemetry;
  readonly #durations: Histogram | undefined;
  readonly #pending = new Map<string, { traceId: string; spans: SpanData[] }>();

  constructor(catalog: Catalog, telemetry: Telemetry) {
    this.#catalog = catalog;
    this.#telemetry = telemetry;
    this.#durations = telemetry.metrics?.meter.createHistogram("heimdex_work_duration_seconds", {
      description: "How long what happens to jobs took: seen, plan, queue, attempt, commit, sidecar, index, job",
    });
  }

  /** A span of this process's own work. `parentId` "" means the job's root span. */
  own(job: Pick<Job, "id" | "traceId" | "rootSpanId">, span: OwnSpan): void {
    this.#keep(job, this.#emit(job, span));
  }

  /** Spans a worker made and exported itself. */
  worker(job: Pick<Job, "id" | "traceId">, spans: readonly SpanData[]): void {
    for (const span of spans.slice(0, MAX_WORKER_SPANS)) this.#keep(job, span);
  }

  /** The job's root span, and with it all that was collected. Repeatable: the first call's spans stay. */
  async end(job: Pick<Job, "id" | "traceId" | "rootSpanId">, root: OwnSpan): Promise<void> {
    this.#keep(job, this.#emit(job, root));
    await this.#store(job.id, "root");
  }

  /** Stores what was collected of one job, or of all. What could not be stored is kept for the next time. */
  async flush(job?: string): Promise<void> {
    for (const id of job === undefined ? [...this.#pending.keys()] : [job])
      await this.#store(id, timeOrderedId("t", Date.now()));
  }

  async #store(job: string, name: string): Promise<void> {
    const pending = this.#pending.get(job);
    if (pending === undefined) return;
    this.#pending.delete(job);
    const ops = batches(pending.spans).map((spans, index): WriteOp => {
      const id = index === 0 ? `${job}/${name}` : `${job}/${name}-${index}`;
      const body = { traceId: pending.traceId, spans };
      return { op: "insert", collection: "spans", id, terms: [`job:${job}`], sort: "", body };
    });
    try {
      await this.#catalog.write(ops);
    } catch (reason) {
      for (const span of pending.spans) this.#keep({ id: job, traceId: pending.traceId }, span);
      throw reason;
    }
  }

  #keep(job: Pick<Job, "id" | "traceId">, span: SpanData): void {
    const pending = this.#pending.get(job.id) ?? { traceId: job.traceId, spans: [] };
    pending.spans.push(span);
    this.#pending.set(job.id, pending);
  }

  #emit(job: Pick<Job, "traceId" | "rootSpanId">, { error, ...span }: OwnSpan): SpanData {
    const parentId = span.parentId === "" && span.spanId !== job.rootSpanId ? job.rootSpanId : span.parentId;
    this.#durations?.record(span.durationMs / 1_000, labelsOf(span, error));
    this.#telemetry.tracer.emit({
      traceId: job.traceId,
      spanId: span.spanId,
      parentSpanId: parentId === "" ? undefined : parentId,
      name: span.name,
      startMs: span.startMs,
      endMs: span.startMs + span.durationMs,
      attributes: span.attributes,
      error,
    });
    return { ...span, parentId, service: SERVICE, error: error !== undefined };
  }
}

/** What is told apart in figures: few values each. */
function labelsOf({ name, attributes }: Omit<OwnSpan, "error">, error: string | undefined) {
  const { stage = "", outcome = attributes?.state ?? "" } = attributes ?? {};
  // Errors begin with an id, and go on with what happened to whom.
  const reason = error === undefined ? "" : (/^[A-Z][A-Z0-9_]*(?=:|$)/.exec(error)?.[0] ?? "OTHER");
  return { work: name.split(" ")[0] ?? "", stage, outcome, reason };
}

/** Spans in documents that stay well below the catalog's 256 KiB. */
function batches(spans: readonly SpanData[]): SpanData[][] {
  const found: SpanData[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const span of spans) {
    const size = Buffer.byteLength(JSON.stringify(span));
    if (bytes + size > BATCH_BYTES) {
      found.push([]);
      bytes = 0;
    }
    bytes += size;
    found.at(-1)?.push(span);
  }
  return found;
}
