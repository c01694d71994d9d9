import { randomUUID } from "node:crypto";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { findJob } from "../find-job.ts";
import { isWell } from "../job-outcome.ts";
import { type JobToRun, runJobs } from "../run-jobs.ts";
import { sourcePath } from "../source-uri.ts";

/** `retry`: prints what `index` prints. */
export async function retry(
  context: Context,
  names: readonly string[],
  options: { jobs?: number },
): Promise<number | undefined> {
  await using archive = await Archive.open(context, { needs: "everything", jobs: options.jobs });
  const jobs: JobToRun[] = [];
  for (const name of names) {
    const { job, sourceUri } = await findJob(archive, name);
    const requestId = randomUUID();
    jobs.push({
      path: sourcePath(sourceUri),
      create: () => archive.call((api) => api.jobs.retryJob({ job, requestId })),
    });
  }
  const outcomes = await runJobs(context, archive, jobs);
  context.terminal.document({ assets: outcomes });
  return outcomes.every(({ state }) => isWell(state)) ? undefined : EXIT_FAILED;
}
