import { randomUUID } from "node:crypto";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { type AssetOutcome, isWell } from "../job-outcome.ts";
import { findMedia } from "../media-files.ts";
import { type JobToRun, printOutcome, runJobs, unmade } from "../run-jobs.ts";
import { sourceUri } from "../source-uri.ts";
import { count } from "../ui/text.ts";
import { duration } from "../ui/time.ts";

export interface IndexOptions {
  readonly reread?: boolean;
  readonly priority: number;
  readonly jobs?: number;
}

/** `index` */
export async function index(
  context: Context,
  paths: readonly string[],
  options: IndexOptions,
): Promise<number | undefined> {
  const { terminal, signal } = context;
  const began = performance.now();
  const found = await findMedia(paths, signal);
  const outcomes: AssetOutcome[] = [];
  for (const { path, problem } of found) {
    if (problem === undefined) continue;
    const outcome = unmade(path, problem);
    outcomes.push(outcome);
    printOutcome(context, outcome, problem.help);
  }
  const files = found.filter(({ problem }) => problem === undefined);
  if (files.length > 0) {
    const batch = randomUUID();
    await using archive = await Archive.open(context, { needs: "everything", jobs: options.jobs });
    outcomes.push(
      ...(await runJobs(
        context,
        archive,
        files.map(({ path }) => jobFor(archive, path, batch, options)),
      )),
    );
    const order = new Map(found.map(({ path }, at) => [path, at]));
    outcomes.sort((a, b) => (order.get(a.source) ?? 0) - (order.get(b.source) ?? 0));
  }
  terminal.document({ assets: outcomes });
  const states = ["SUCCEEDED", "PARTIAL", "FAILED", "CANCELLED"] as const;
  const sums = states
    .map((state) => [outcomes.filter((outcome) => outcome.state === state).length, state] as const)
    .filter(([n]) => n > 0);
  if (outcomes.length > 1)
    terminal.line(
      `${count(outcomes.length, "file")}: ${sums.map(([n, state]) => `${n} ${state}`).join(", ")} (${duration(performance.now() - began)})`,
    );
  return outcomes.every(({ state }) => isWell(state)) ? undefined : EXIT_FAILED;
}

function jobFor(archive: Archive, path: string, batch: string, { reread, priority }: IndexOptions): JobToRun {
  // The same id at a repeated call: a lost answer is no second job.
  const requestId = randomUUID();
  return {
    path,
    create: () =>
      archive.call((api) =>
        api.jobs.createJob({ sourceUri: sourceUri(path), requestId, batch, priority, reread: reread === true }),
      ),
  };
}
