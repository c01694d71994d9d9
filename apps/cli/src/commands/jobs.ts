import type { Job } from "@heimdex/contracts/v1/job";
import { HeimdexError } from "@heimdex/errors";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { errorLines } from "../error-report.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { findJob } from "../find-job.ts";
import { allPages } from "../pages.ts";
import { snakeJson } from "../snake-json.ts";
import { shownSource } from "../source-uri.ts";
import { paintState } from "../ui/state.ts";
import { printable, table } from "../ui/text.ts";
import { duration } from "../ui/time.ts";

/** `jobs ls` */
export async function listJobs(context: Context, options: { active?: boolean; limit: number }): Promise<undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "nothing" });
  const jobs: Job[] = [];
  const pages = allPages(
    (pageToken) =>
      archive.call((api) =>
        api.jobs.listJobs({ pageToken, pageSize: Math.min(1000, options.limit), activeOnly: options.active === true }),
      ),
    (page) => page.jobs,
  );
  for await (const job of pages) {
    jobs.push(job);
    if (jobs.length >= options.limit) break;
  }
  terminal.document({ jobs: jobs.map(snakeJson) });
  if (jobs.length === 0)
    terminal.note(
      options.active === true ? "No job is under way." : "There is no job yet. Make one: heimdex index PATH...",
    );
  const rows = jobs.map((job) => [
    job.job,
    paintState(job.state, terminal.style),
    job.createTime === undefined ? "" : job.createTime.toISOString().replace("T", " ").slice(0, 19),
    job.endTime === undefined || job.createTime === undefined
      ? ""
      : duration(job.endTime.getTime() - job.createTime.getTime()),
    `${printable(shownSource(job.sourceUri))}${job.reason === "" ? "" : `\n    ${printable(job.reason)}${job.help === "" ? "" : ` next: ${printable(job.help)}`}`}`,
  ]);
  for (const row of table(rows, [3])) terminal.line(row);
}

/** `cancel` */
export async function cancelJobs(context: Context, names: readonly string[]): Promise<number | undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "nothing" });
  const cancelled: unknown[] = [];
  const failures: unknown[] = [];
  for (const name of names) {
    try {
      const { job } = await findJob(archive, name);
      const after = await archive.call((api) => api.jobs.cancelJob({ job }));
      cancelled.push(snakeJson(after));
      terminal.line(`cancelled ${after.job} (${printable(shownSource(after.sourceUri))})`);
    } catch (reason) {
      context.signal.throwIfAborted();
      const error = HeimdexError.from(reason);
      failures.push({ job: name, error: error.toJSON() });
      for (const line of errorLines(error, terminal.noteStyle, context.env)) terminal.note(line);
    }
  }
  terminal.document({ cancelled, failures });
  return failures.length > 0 ? EXIT_FAILED : undefined;
}
