import type { Trace } from "@heimdex/contracts/v1/job";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { findJob } from "../find-job.ts";
import { shownSource } from "../source-uri.ts";
import { printable } from "../ui/text.ts";
import { waterfall } from "../ui/waterfall.ts";

/** `trace` */
export async function trace(context: Context, name: string): Promise<undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "nothing" });
  const job = await findJob(archive, name);
  const found = await archive.call((api) => api.jobs.getTrace({ job: job.job }));
  terminal.document(traceDocument(found));
  terminal.line(
    `${terminal.style.bold(printable(shownSource(job.sourceUri)))}  ${job.state}  ${terminal.style.dim(`job ${job.job}, trace ${found.traceId}`)}`,
  );
  for (const line of traceLines(found, terminal.columns, terminal.style)) terminal.line(line);
}

export function traceLines(found: Trace, columns: number, style: Parameters<typeof waterfall>[2]): string[] {
  const spans = found.spans.map((span) => ({ ...spanDocument(span), error: span.error }));
  return waterfall(spans, columns, style);
}

/** The one document of `trace --json`. */
function traceDocument({ traceId, spans }: Trace) {
  return { trace_id: traceId, spans: spans.map(spanDocument) };
}

function spanDocument(span: Trace["spans"][number]) {
  return {
    name: span.name,
    service: span.service,
    span_id: span.spanId,
    parent_id: span.parentId,
    start_ms: span.startMs,
    duration_ms: span.durationMs,
    attributes: span.error ? { error: "true", ...span.attributes } : span.attributes,
  };
}
