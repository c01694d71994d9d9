import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { AssumedModel, Job } from "@heimdex/contracts/v1/job";
import { HeimdexError } from "@heimdex/errors";
import type { Archive } from "../archive.ts";
import { allPages } from "../pages.ts";
import type { JobToRun } from "../run-jobs.ts";
import { sourcePath } from "../source-uri.ts";

/** A stage that has not come up with its new model by then has failed, ms: services let running attempts end for 10 s, and large models take a while to load. */
const UP_WITHIN_MS = 120_000;
/** Before that, a stage that says it cannot run may still be the one that ends, ms. */
const OLD_GONE_AFTER_MS = 20_000;
const POLL_MS = 200;
const FINAL = new Set(["OK", "EMPTY", "CACHED", "SKIPPED", "FAILED", "CANCELLED"]);

/** Waits until the host runs the stages with the models they were set to. Stages that nobody serves are not waited for.
 * Throws MODEL_UNUSABLE with what the stage says. */
export async function waitForModels(
  archive: Archive,
  models: readonly AssumedModel[],
  signal: AbortSignal,
): Promise<void> {
  const began = performance.now();
  for (;;) {
    const { stages } = await archive.call((api) => api.stages.listStages({ pageSize: 1000 }));
    const behind = models.flatMap(({ stage: name, model }) => {
      const stage = stages.find((each) => each.stage === name);
      return stage === undefined || stage.models.includes(model) ? [] : [{ name, model, stage }];
    });
    const [first] = behind;
    if (first === undefined) return;
    const tookMs = performance.now() - began;
    const { name, model, stage } = first;
    if (tookMs > UP_WITHIN_MS || (stage.state === "UNAVAILABLE" && tookMs > OLD_GONE_AFTER_MS)) {
      throw new HeimdexError(
        "MODEL_UNUSABLE",
        `${name} is set to ${model}, but does not run with it${stage.reason === "" ? "" : ` (${stage.reason})`}`,
        {
          help: "See `heimdex models doctor` and `heimdex logs`. Back to what was there before: `heimdex models use bundled`.",
          metadata: { stage: name, model },
        },
      );
    }
    await delay(POLL_MS, undefined, { signal }); // registrations come by the service's own calls; there is no event to wait for
  }
}

/** Cancels the jobs that were planned with the models of before and wait for them: nobody runs those any more.
 * @returns their sources */
export async function cancelOutdated(archive: Archive, stages: ReadonlySet<string>): Promise<string[]> {
  const outdated: Job[] = [];
  for await (const job of allPages(
    (pageToken) => archive.call((api) => api.jobs.listJobs({ pageToken, pageSize: 1000, activeOnly: true })),
    (page) => page.jobs,
  ))
    if (job.steps.some((step) => stages.has(step.stage) && !FINAL.has(step.state))) outdated.push(job);
  for (const { job } of outdated) {
    try {
      await archive.call((api) => api.jobs.cancelJob({ job }));
    } catch (reason) {
      if (!(reason instanceof HeimdexError) || reason.id !== "JOB_ENDED") throw reason;
    }
  }
  return outdated.map(({ sourceUri }) => sourceUri);
}

/** Jobs that run assets again; what their new models do not touch comes from the cache. */
export function jobsFor(archive: Archive, sources: readonly string[]): JobToRun[] {
  const batch = randomUUID();
  return [...new Set(sources)].map((sourceUri) => {
    // The same id at a repeated call: a lost answer is no second job.
    const requestId = randomUUID();
    return {
      path: sourcePath(sourceUri),
      create: () => archive.call((api) => api.jobs.createJob({ sourceUri, requestId, batch })),
    };
  });
}
