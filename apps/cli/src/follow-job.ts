import { setTimeout as delay } from "node:timers/promises";
import type { Job } from "@heimdex/contracts/v1/job";
import { HeimdexError } from "@heimdex/errors";
import type { Archive } from "./archive.ts";
import { jobEnded } from "./progress/job-progress.ts";

/** A job that has ended is asked for this often until it can be searched: nothing announces that. */
const SEARCHABLE_POLL_MS = 50;

/** Watches a job until it has ended and what it found can be searched (or nothing of it can ever be). Survives the end of the host.
 * @param onChange gets the job as it stands and after each change */
export async function followJob(
  archive: Archive,
  id: string,
  onChange: (job: Job) => void,
  signal: AbortSignal,
): Promise<Job> {
  const watched = await archive.call(async (api) => {
    for (;;) {
      let latest: Job | undefined;
      for await (const { job } of api.jobs.watchJob({ job: id }, { signal })) {
        if (job === undefined) continue;
        latest = job;
        onChange(job);
      }
      if (latest !== undefined && jobEnded(latest)) return latest;
    }
  });
  for (let job = watched; ; job = await archive.call((api) => api.jobs.getJob({ job: id }, { signal }))) {
    if (job.searchable || job.sidecarRevision === 0 || !(await assetExists(archive, job.asset))) return job;
    await delay(SEARCHABLE_POLL_MS, undefined, { signal });
  }
}

/** An asset that somebody removed meanwhile never becomes searchable. */
async function assetExists(archive: Archive, asset: string): Promise<boolean> {
  try {
    await archive.call((api) => api.assets.getAsset({ asset }));
    return true;
  } catch (reason) {
    if (reason instanceof HeimdexError && reason.id === "ASSET_NOT_FOUND") return false;
    throw reason;
  }
}
