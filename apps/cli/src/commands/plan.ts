import type { PlanJobResponse } from "@heimdex/contracts/v1/job";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { sourceUri } from "../source-uri.ts";
import { count, printable, table } from "../ui/text.ts";
import { duration } from "../ui/time.ts";
import { estimateText } from "./rerun.ts";

/** `plan` */
export async function plan(context: Context, path: string): Promise<undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "everything" });
  await archive.ready();
  const answer = await archive.call((api) =>
    api.jobs.planJob({ sourceUri: sourceUri(path) }, { signal: context.signal }),
  );
  terminal.document({
    steps: answer.steps.map(({ stage, action, why, estimateMs, samples }) => ({
      ...{ stage, action, why, estimate_ms: estimateMs, samples },
    })),
  });
  const rows = answer.steps.map((step) => [
    step.stage,
    step.action === "RUN" ? terminal.style.bold(step.action) : terminal.style.dim(step.action),
    step.action === "RUN" || step.action === "UNKNOWN" ? estimateText(step.estimateMs, step.samples) : "",
    printable(step.why),
  ]);
  for (const row of table(rows)) terminal.line(row);
  terminal.line(summary(answer));
}

function summary({ steps }: PlanJobResponse): string {
  const cached = steps.filter(({ action }) => action === "CACHED").length;
  const open = steps.filter(({ action }) => action === "RUN" || action === "UNKNOWN");
  if (open.length === 0) return `nothing to do: ${count(cached, "result")} known already`;
  const known = open.filter(({ estimateMs }) => estimateMs > 0);
  const total = known.reduce((sum, { estimateMs }) => sum + estimateMs, 0);
  const time =
    known.length === 0
      ? "no earlier run says how long it takes"
      : `about ${duration(total)} of work${known.length < open.length ? `, and ${count(open.length - known.length, "stage")} nobody has timed yet` : ""}`;
  return `${count(open.length, "stage")} to run, ${cached} known: ${time}`;
}
