import { once } from "node:events";
import type { Context } from "../context.ts";
import { dataRoot } from "../data-root.ts";
import { localOnly } from "../endpoint.ts";
import { openPlatform } from "../platform.ts";
import { printable } from "../ui/text.ts";
import { duration } from "../ui/time.ts";

export interface UpOptions {
  readonly httpPort: number;
  readonly grpcPort: number;
  readonly workerPort: number;
  readonly dataPort: number;
  readonly jobs?: number;
}

/** `up`: hosts until told to stop, and then until nobody else uses it. */
export async function up(context: Context, options: UpOptions): Promise<undefined> {
  localOnly(context, "up");
  const { terminal, signal } = context;
  const root = dataRoot(context.data, context.env);
  const began = performance.now();
  await using platform = await openPlatform(
    root,
    {
      ...options,
      jobs: options.jobs ?? 0,
      mustHost: true,
      onStay: () =>
        terminal.note("heimdex: staying until the commands that use it have ended (Ctrl-C again ends them too)"),
    },
    undefined,
    signal,
  );
  const { http, grpc, worker, pid } = platform.address;
  terminal.note(`heimdex: http://${http} is up; waiting for the stages...`);
  await Promise.race([platform.host?.ready, signal.aborted || once(signal, "abort")]);
  if (!signal.aborted) {
    const { stages } = await platform.api.stages.listStages({ pageSize: 1000 });
    const readyMs = performance.now() - began;
    terminal.document({
      data: root,
      pid,
      http: `http://${http}`,
      grpc,
      worker,
      stages: stages.map(({ stage, state, reason, workers }) => ({ stage, state, reason, workers })),
      ready_ms: Math.round(readyMs),
    });
    terminal.line(
      `ready after ${duration(readyMs)}: http://${http}, gRPC ${grpc}, workers ${worker}, data in ${printable(root)}`,
    );
    for (const { stage, state, reason } of stages) {
      if (state !== "ENABLED") terminal.note(`  ${terminal.noteStyle.warn(state)} ${stage}: ${printable(reason)}`);
    }
    terminal.note(`Its log: ${printable(platform.folder.logs)}. Ctrl-C ends it.`);
    if (!signal.aborted) await once(signal, "abort");
  }
  terminal.note(
    "heimdex: stopping; running steps may take up to 10 s to end (Ctrl-C again stops at once, nothing is lost)",
  );
}
