import { randomUUID } from "node:crypto";
import type { RerunAssetsRequest, RerunAssetsResponse, StageForecast } from "@heimdex/contracts/v1/job";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { EXIT_FAILED } from "../exit-code.ts";
import { findAsset } from "../find-asset.ts";
import { type AssetOutcome, isWell } from "../job-outcome.ts";
import { type JobToRun, runJobs } from "../run-jobs.ts";
import { sourcePath } from "../source-uri.ts";
import type { Style } from "../ui/style.ts";
import { count, printable, table } from "../ui/text.ts";
import { duration } from "../ui/time.ts";
import { UsageError } from "../usage-error.ts";

export interface RerunOptions {
  readonly stage?: readonly string[];
  readonly asset?: readonly string[];
  readonly all?: boolean;
  readonly dryRun?: boolean;
  readonly jobs?: number;
}

/** Assets that one call looks at; what it makes is seen to its end before the next, so memory does not grow with the archive. */
const PAGE = 200;

/** Sums over the pages. */
interface Sums {
  upToDate: number;
  missing: number;
  reruns: number;
  readonly stages: Map<string, StageForecast>;
}

/** `rerun` */
export async function rerun(context: Context, options: RerunOptions): Promise<number | undefined> {
  const { terminal, signal } = context;
  const { stage: stages = [], asset: names = [], all = false, dryRun = false } = options;
  if (names.length > 0 && all) throw new UsageError("--asset and --all exclude each other", "Leave out one of them.");
  if (stages.length > 0 && names.length === 0 && !all)
    throw new UsageError(
      "--stage runs a stage again whatever is known: on which assets?",
      "Add --asset ASSET, or --all.",
    );
  await using archive = await Archive.open(context, { needs: "everything", jobs: options.jobs });
  await archive.ready();
  const assets: string[] = [];
  for (const name of names) assets.push((await findAsset(archive, name)).asset);
  const sums: Sums = { upToDate: 0, missing: 0, reruns: 0, stages: new Map() };
  const failed: AssetOutcome[] = [];
  for await (const page of pagesOf(archive, { assets, stages: [...stages], dryRun }, signal)) {
    add(sums, page);
    if (dryRun || page.reruns.length === 0) continue;
    const jobs = page.reruns.map(
      ({ job, sourceUri }): JobToRun => ({
        path: sourcePath(sourceUri),
        create: () => archive.call((api) => api.jobs.getJob({ job })),
      }),
    );
    failed.push(...(await runJobs(context, archive, jobs)).filter(({ state }) => !isWell(state)));
  }
  terminal.document({
    dry_run: dryRun,
    assets: sums.upToDate + sums.missing + sums.reruns,
    reruns: sums.reruns,
    up_to_date: sums.upToDate,
    missing: sums.missing,
    stages: [...sums.stages.values()].map(({ stage, run, cached, skipped, unknown, estimateMs, samples, causes }) => ({
      ...{ stage, run, cached, skipped, unknown, estimate_ms: estimateMs, samples },
      causes: causes.map(({ why, assets: at }) => ({ why, assets: at })),
    })),
    failed,
  });
  if (dryRun && sums.reruns > 0)
    for (const line of forecastLines([...sums.stages.values()], terminal.style)) terminal.line(line);
  terminal.line(summary(sums, dryRun, failed.length));
  return failed.length > 0 ? EXIT_FAILED : undefined;
}

async function* pagesOf(
  archive: Archive,
  request: Pick<RerunAssetsRequest, "assets" | "stages" | "dryRun">,
  signal: AbortSignal,
): AsyncGenerator<RerunAssetsResponse> {
  const read = (more: Partial<RerunAssetsRequest>) => {
    // The same id at a repeated call: a lost answer is no second job.
    const requestId = randomUUID();
    return archive.call((api) => api.jobs.rerunAssets({ ...request, requestId, ...more }, { signal }));
  };
  for (let from = 0; from < request.assets.length; from += PAGE)
    yield read({ assets: request.assets.slice(from, from + PAGE) });
  if (request.assets.length > 0) return;
  let pageToken = "";
  do {
    const page = await read({ pageSize: PAGE, pageToken });
    yield page;
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

function add(sums: Sums, page: RerunAssetsResponse): void {
  sums.upToDate += page.upToDate;
  sums.missing += page.missing;
  sums.reruns += page.reruns.length;
  if (page.reruns.length === 0) return;
  for (const forecast of page.stages) {
    const before = sums.stages.get(forecast.stage);
    sums.stages.set(forecast.stage, before === undefined ? forecast : both(before, forecast));
  }
}

function both(a: StageForecast, b: StageForecast): StageForecast {
  const causes = new Map(a.causes.map(({ why, assets }) => [why, assets]));
  for (const { why, assets } of b.causes) causes.set(why, (causes.get(why) ?? 0) + assets);
  return {
    stage: a.stage,
    ...{
      run: a.run + b.run,
      cached: a.cached + b.cached,
      skipped: a.skipped + b.skipped,
      unknown: a.unknown + b.unknown,
    },
    estimateMs: a.estimateMs + b.estimateMs,
    samples: Math.max(a.samples, b.samples),
    causes: [...causes]
      .map(([why, assets]) => ({ why, assets }))
      .sort((one, other) => other.assets - one.assets)
      .slice(0, 5),
  };
}

/** A line for each stage, and below it why it runs. */
function forecastLines(stages: readonly StageForecast[], style: Style): string[] {
  const rows = stages.map(({ stage, run, cached, skipped, unknown, estimateMs, samples }) => [
    run + unknown > 0 ? style.bold(stage) : stage,
    `${run} to run`,
    `${unknown} depend on others`,
    `${cached} known`,
    `${skipped} left out`,
    run + unknown === 0 ? "" : estimateText(estimateMs, samples),
  ]);
  return table(rows, [1, 2, 3, 4]).flatMap((row, at) => [
    row,
    ...(stages[at]?.causes ?? []).map(({ why, assets }) => style.dim(`    ${assets}: ${printable(why)}`)),
  ]);
}

/** How long, and what that rests on. */
export function estimateText(ms: number, samples: number): string {
  return samples === 0 ? "nobody has timed it yet" : `~${duration(ms)} by ${count(samples, "earlier run")}`;
}

function summary({ upToDate, missing, reruns, stages }: Sums, dryRun: boolean, failed: number): string {
  const gone = missing === 0 ? "" : `; ${missing} cannot be read, as no source is there`;
  if (reruns === 0) return `nothing to do: ${count(upToDate, "asset")} up to date${gone}`;
  const ms = [...stages.values()].reduce((sum, { estimateMs }) => sum + estimateMs, 0);
  const work = dryRun
    ? `: up to ${duration(ms)} of work by earlier runs`
    : failed > 0
      ? `, ${failed} of them not well`
      : "";
  return `${count(reruns, "asset")} ${dryRun ? "to work on" : "worked on"}, ${upToDate} up to date${gone}${work}`;
}
