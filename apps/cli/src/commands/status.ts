import { type SpaceStatus, SpaceStatus_State } from "@heimdex/contracts/v1/system";
import { Archive } from "../archive.ts";
import type { Context } from "../context.ts";
import { snakeJson } from "../snake-json.ts";
import { paintState } from "../ui/state.ts";
import { bytes, count, printable, table } from "../ui/text.ts";

/** `status` */
export async function status(context: Context): Promise<undefined> {
  const { terminal } = context;
  await using archive = await Archive.open(context, { needs: "everything" });
  await archive.ready();
  const now = await archive.call((api) => api.system.getStatus({}));
  const { http, grpc, pid } = archive.platform.address;
  const remote = context.endpoint !== undefined;
  const hosted = archive.platform.host === undefined && !remote;
  terminal.document({
    ...(snakeJson(now) as object),
    running: hosted || remote,
    pid: hosted ? pid : 0,
    http: hosted ? `http://${http}` : "",
    grpc: hosted || remote ? grpc : "",
  });
  const { style } = terminal;
  terminal.line(`${style.bold(printable(now.data))}  Heimdex ${now.version}, ${now.profile}`);
  if (remote) terminal.line(`running      at ${printable(grpc)}`);
  else
    terminal.line(
      hosted
        ? `running      process ${pid}, http://${http}, gRPC ${grpc}`
        : "running      no (looked at for the length of this command; `heimdex up` keeps it running)",
    );
  const stale = now.staleAssets === 0 ? "" : `; ${style.warn(`${now.staleAssets} stale`)} (heimdex rerun)`;
  terminal.line(`archive      ${count(now.assets, "asset")}, ${count(now.moments, "moment")} to search${stale}`);
  terminal.line(
    `work         ${count(now.activeJobs, "job")} under way, ${count(now.runningSteps, "step")} running, ${now.readySteps} ready`,
  );
  if (now.pausedReason !== "") terminal.line(`${style.warn("paused")}       ${printable(now.pausedReason)}`);
  // A store without bounds has no figure.
  const free = Number(now.freeBytes) === 0 ? "" : `; ${bytes(Number(now.freeBytes))} free`;
  const kinds = Object.entries(now.bytes).sort(([a], [b]) => (a < b ? -1 : 1));
  terminal.line(`disk         ${kinds.map(([kind, size]) => `${kind} ${bytes(Number(size))}`).join(", ")}${free}`);
  terminal.line(`models       ${now.models.length === 0 ? "none in use" : printable(now.models.join(", "))}`);
  for (const line of spaceLines(now.spaces)) terminal.line(line);
  terminal.line();
  const rows = now.stages.map((stage) => [
    stage.stage,
    paintState(stage.state, style),
    count(stage.workers, "worker"),
    `${stage.ready} ready`,
    printable(stage.reason),
  ]);
  for (const row of table(rows)) terminal.line(row);
}

/** What searches compare with: which model answers, and how far the one is that takes its place. */
export function spaceLines(spaces: readonly SpaceStatus[]): string[] {
  const lines: string[] = [];
  for (const { kind, model, state, assetsDone, assetsToDo, assetsFailed } of spaces) {
    const name = `${kind} space`.padEnd(13);
    if (state === SpaceStatus_State.SERVING)
      lines.push(`${name}${printable(model)} answers, ${count(assetsDone, "asset")}`);
    if (state === SpaceStatus_State.FILLING) {
      const failed = assetsFailed === 0 ? "" : `, ${assetsFailed} failed`;
      const next =
        assetsToDo > 0
          ? "`heimdex rerun` brings the others over; until then the one above answers"
          : assetsFailed > assetsDone
            ? "it fails more often than not, so the one above goes on answering"
            : "it is switched to now";
      const all = assetsDone + assetsToDo + assetsFailed;
      lines.push(
        `${" ".repeat(13)}${printable(model)} comes in: ${assetsDone} of ${count(all, "asset")}${failed}; ${next}`,
      );
    }
    if (state === SpaceStatus_State.LEAVING) lines.push(`${" ".repeat(13)}the one before is being removed`);
  }
  return lines;
}
