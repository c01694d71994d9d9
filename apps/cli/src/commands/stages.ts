import { DisableStageResponse, type StageHoldings, type StageInfo } from "@heimdex/contracts/v1/stage";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { allPages } from "../pages.ts";
import { snakeJson } from "../snake-json.ts";
import { paintState } from "../ui/state.ts";
import { bytes, count, printable, table } from "../ui/text.ts";

/** `stages` */
export async function listStages(context: Context): Promise<undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "everything" });
  await archive.ready();
  const found: StageInfo[] = [];
  for await (const stage of allPages(
    (pageToken) => archive.call((api) => api.stages.listStages({ pageToken, pageSize: 1000 })),
    (page) => page.stages,
  ))
    found.push(stage);
  terminal.document({ stages: found.map(snakeJson) });
  const rows = found.map((stage) => [
    terminal.style.bold(stage.stage),
    stage.version,
    paintState(stage.state === "ENABLED" && stage.workers === 0 ? "NO_WORKER" : stage.state, terminal.style),
    workersOf(stage),
    printable(stage.models.join(", ")),
    printable(stage.description),
  ]);
  for (const [at, row] of table(rows).entries()) {
    terminal.line(row);
    const reason = found[at]?.reason ?? "";
    if (reason !== "") terminal.line(`    ${printable(reason)}`);
  }
}

function workersOf({ workers, otherVersions }: StageInfo): string {
  const others = otherVersions.map(({ version, workers: more }) => `${printable(version)}: ${more}`);
  return `${count(workers, "worker")}${others.length === 0 ? "" : ` (${others.join(", ")})`}`;
}

/** `stages disable`: says what there is before it removes it, and what is gone after. */
export async function disableStage(
  context: Context,
  stage: string,
  { dryRun = false, keep = false }: { readonly dryRun?: boolean; readonly keep?: boolean },
): Promise<undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "everything" });
  await archive.ready();
  if (keep && !dryRun) {
    const kept = await archive.call((api) => api.stages.disableStage({ stage, keep }));
    terminal.document(snakeJson(kept));
    terminal.line(`${terminal.style.bold(printable(stage))} is turned off; what it made stays`);
    terminal.line(`    \`heimdex stages enable ${printable(stage)}\` turns it on again`);
    return undefined;
  }
  const before = await archive.call((api) => api.stages.disableStage({ stage, dryRun: true, keep }));
  terminal.note(`${printable(stage)} ${dryRun && !keep ? "holds" : "loses"} ${holdings(before.removed)}`);
  if (dryRun) {
    terminal.document(snakeJson(before));
    return undefined;
  }
  const after = await archive.call((api) => api.stages.disableStage({ stage }));
  terminal.document(snakeJson(after));
  terminal.line(`${terminal.style.bold(printable(stage))} is turned off; removed: ${holdings(after.removed)}`);
  if (after.jobsUnderWay > 0)
    terminal.line(`    what ${count(after.jobsUnderWay, "job")} under way has made of it goes when they end`);
  terminal.line(`    \`heimdex stages enable ${printable(stage)}\` turns it on again`);
  return undefined;
}

/** `stages enable` */
export async function enableStage(context: Context, stage: string): Promise<undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "everything" });
  await archive.ready();
  const info = await archive.call((api) => api.stages.enableStage({ stage }));
  terminal.document(snakeJson(info));
  terminal.line(`${terminal.style.bold(printable(stage))} is ${info.state}`);
  terminal.line(`    ${terminal.style.bold("next:")} \`heimdex rerun\` makes what it makes for assets that are there`);
  return undefined;
}

function holdings(
  made: StageHoldings = DisableStageResponse.fromPartial({ removed: {} }).removed as StageHoldings,
): string {
  const { assets, layers, items, blobs, bytes: size, results } = made;
  return `${count(layers, "layer")} with ${count(items, "item")} in ${count(assets, "asset")}, ${count(blobs, "blob")} (${bytes(size)}), ${count(results, "result")}`;
}
