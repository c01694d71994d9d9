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
  const hosted = archive.platform.host === undefined;
  terminal.document({
    ...(snakeJson(now) as object),
    running: hosted,
    pid: hosted ? pid : 0,
    http: hosted ? `http://${http}` : "",
    grpc: hosted ? grpc : "",
  });
  const { style } = terminal;
  terminal.line(`${style.bold(printable(now.data))}  Heimdex ${now.version}, ${now.profile}`);
  terminal.line(
    hosted
      ? `running      process ${pid}, http://${http}, gRPC ${grpc}`
      : "running      no (looked at for the length of this command; `heimdex up` keeps it running)",
  );
  terminal.line(`archive      ${count(now.assets, "asset")}, ${count(now.moments, "moment")} to search`);
  terminal.line(
    `work         ${count(now.activeJobs, "job")} under way, ${count(now.runningSteps, "step")} running, ${now.readySteps} ready`,
  );
  if (now.pausedReason !== "") terminal.line(`${style.warn("paused")}       ${printable(now.pausedReason)}`);
  const kinds = Object.entries(now.bytes).sort(([a], [b]) => (a < b ? -1 : 1));
  terminal.line(
    `disk         ${kinds.map(([kind, size]) => `${kind} ${bytes(Number(size))}`).join(", ")}; ${bytes(Number(now.freeBytes))} free`,
  );
  terminal.line(`models       ${now.models.length === 0 ? "none in use" : printable(now.models.join(", "))}`);
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
