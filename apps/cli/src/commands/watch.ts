import type { Job } from "@heimdex/contracts/v1/job";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { type AssetOutcome, isWell } from "../job-outcome.ts";
import { allPages } from "../pages.ts";
import { runJobs } from "../run-jobs.ts";
import { sourcePath } from "../source-uri.ts";

/** `watch`: prints what `index` prints, for the jobs under way and those that others begin meanwhile, until there are none. */
export async function watch(context: Context, options: { jobs?: number }): Promise<number | undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "everything", jobs: options.jobs });
  const outcomes: AssetOutcome[] = [];
  const seen = new Set<string>();
  try {
    for (;;) {
      const active: Job[] = [];
      const pages = allPages(
        (pageToken) => archive.call((api) => api.jobs.listJobs({ pageToken, pageSize: 1000, activeOnly: true })),
        ({ jobs }) => jobs,
      );
      for await (const job of pages) if (!seen.has(job.job)) active.push(job);
      if (active.length === 0) break;
      for (const { job } of active) seen.add(job);
      const oldestFirst = active.reverse();
      outcomes.push(
        ...(await runJobs(
          context,
          archive,
          oldestFirst.map((job) => ({ path: sourcePath(job.sourceUri), create: async () => job })),
        )),
      );
    }
  } catch (reason) {
    // Looking on is over when the one who looks says so.
    if (!context.signal.aborted) throw reason;
  }
  if (seen.size === 0) terminal.note("No job is under way.");
  terminal.document({ assets: outcomes });
  return outcomes.every(({ state }) => isWell(state)) ? undefined : EXIT_FAILED;
}
