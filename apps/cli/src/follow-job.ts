import type { Job } from "@heimdex/contracts/v1/job";
import { HeimdexError } from "@heimdex/errors";
import type { Archive } from "./archive.ts";
import { jobEnded } from "./progress/job-progress.ts";

/** Watches a job until it has ended and what it found can be searched (or nothing of it can ever be). Survives the end of the host.
 * @param onChange gets the job as it stands and after each change */
export async function followJob(
  archive: Archive,
  id: string,
  onChange: (job: Job) => void,
  signal: AbortSignal,
): Promise<Job> {
  let latest: Job | undefined;
  return archive.call(async (api) => {
    for (;;) {
      try {
        for await (const { job } of api.jobs.watchJob({ job: id, untilSearchable: true }, { signal })) {
          if (job === undefined) continue;
          latest = job;
          onChange(job);
        }
      } catch (reason) {
        // Somebody removed its asset once it had ended, and the job went with it.
        const isGone = reason instanceof HeimdexError && reason.id === "JOB_NOT_FOUND";
        if (isGone && latest !== undefined && jobEnded(latest)) return latest;
        throw reason;
      }
      if (latest !== undefined && jobEnded(latest) && (latest.searchable || latest.sidecarRevision === 0))
        return latest;
    }
  });
}
