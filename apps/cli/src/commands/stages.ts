import type { StageInfo } from "@heimdex/contracts/v1/stage";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { allPages } from "../pages.ts";
import { snakeJson } from "../snake-json.ts";
import { paintState } from "../ui/state.ts";
import { count, printable, table } from "../ui/text.ts";

/** `stages` */
export async function stages(context: Context): Promise<undefined> {
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
    count(stage.workers, "worker"),
    printable(stage.models.join(", ")),
    printable(stage.description),
  ]);
  for (const [at, row] of table(rows).entries()) {
    terminal.line(row);
    const reason = found[at]?.reason ?? "";
    if (reason !== "") terminal.line(`    ${printable(reason)}`);
  }
}
