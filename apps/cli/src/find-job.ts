import type { Job } from "@heimdex/contracts/v1/job";
import { HeimdexError } from "@heimdex/errors";
import type { Archive } from "./archive.ts";
import { allPages } from "./pages.ts";

/** The job that an id, a unique beginning of one, or `last` stands for. @throws HeimdexError JOB_NOT_FOUND, INVALID_ARGUMENT when several begin so */
export async function findJob(archive: Archive, text: string): Promise<Job> {
  if (text === "last") {
    const newest = (await archive.call((api) => api.jobs.listJobs({ pageSize: 1 }))).jobs[0];
    if (newest !== undefined) return newest;
    throw new HeimdexError("JOB_NOT_FOUND", "there is no job yet", {
      help: "Index something first: `heimdex index PATH`.",
    });
  }
  if (/^j_[0-9a-f]{28}$/.test(text)) return archive.call((api) => api.jobs.getJob({ job: text }));
  const prefix = text.startsWith("j_") ? text : `j_${text}`;
  const matching: Job[] = [];
  if (/^j_[0-9a-f]+$/.test(prefix)) {
    const pages = allPages(
      (pageToken) => archive.call((api) => api.jobs.listJobs({ pageToken, pageSize: 1000 })),
      ({ jobs }) => jobs,
    );
    for await (const job of pages) if (job.job.startsWith(prefix)) matching.push(job);
  }
  const [found, second] = matching;
  if (second !== undefined) {
    const some = matching.slice(0, 5).map(({ job }) => job);
    throw new HeimdexError(
      "INVALID_ARGUMENT",
      `${matching.length} jobs begin with ${prefix}: ${some.join(", ")}${matching.length > 5 ? ", …" : ""}`,
      {
        help: "Give more of the id.",
      },
    );
  }
  if (found === undefined) throw new HeimdexError("JOB_NOT_FOUND", `there is no job ${text}`);
  return found;
}
