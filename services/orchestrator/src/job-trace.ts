import type { Job, SpanData } from "@heimdex/kernel";
import type { Catalog, WriteOp } from "@heimdex/ports";
import type { Telemetry } from "@heimdex/telemetry";
import { timeOrderedId } from "./ids.ts";

/** The name under which this process's spans are shown. */
const SERVICE = "orchestrator";
/** Spans of one attempt that are kept. */
const MAX_WORKER_SPANS = 32;

/** Collects the spans of jobs: exports those this process made, and stores all, in batches, for the local waterfall. */
export class JobTrace {
  readonly #catalog: Catalog;
  readonly #telemetry: Telemetry;
  readonly #pending = new Map<string, { traceId: string; spans: SpanData[] }>();

  constructor(catalog: Catalog, telemetry: Telemetry) {
    this.#catalog = catalog;
    this.#telemetry = telemetry;
  }

  /** A span of this process's own work. `parentId` "" means the job's root span. */
  own(
    job: Pick<Job, "id" | "traceId" | "rootSpanId">,
    span: Omit<SpanData, "service" | "error"> & { readonly error?: string },
  ): void {
    const parentId = span.parentId === "" && span.spanId !== job.rootSpanId ? job.rootSpanId : span.parentId;
    const { error, ...data } = span;
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
    this.#keep(job, { ...data, parentId, service: SERVICE, error: error !== undefined });
  }

  /** Spans a worker made and exported itself. */
  worker(job: Pick<Job, "id" | "traceId">, spans: readonly SpanData[]): void {
    for (const span of spans.slice(0, MAX_WORKER_SPANS)) this.#keep(job, span);
  }

  /** Stores what was collected of one job, or of all. */
  async flush(job?: string): Promise<void> {
    const jobs = job === undefined ? [...this.#pending.keys()] : [job];
    const ops: WriteOp[] = [];
    for (const id of jobs) {
      const pending = this.#pending.get(id);
      if (pending === undefined) continue;
      this.#pending.delete(id);
      ops.push({
        op: "put",
        collection: "spans",
        id: `${id}/${timeOrderedId("t", Date.now())}`,
        terms: [`job:${id}`],
        sort: "",
        body: pending,
      });
    }
    for (let at = 0; at < ops.length; at += 500) await this.#catalog.write(ops.slice(at, at + 500));
  }

  #keep(job: Pick<Job, "id" | "traceId">, span: SpanData): void {
    const pending = this.#pending.get(job.id) ?? { traceId: job.traceId, spans: [] };
    pending.spans.push(span);
    this.#pending.set(job.id, pending);
  }
}
