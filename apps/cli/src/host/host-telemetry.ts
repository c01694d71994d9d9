import { join } from "node:path";
import { startTelemetry, type Telemetry } from "@heimdex/telemetry";
import { LogFile } from "./log-file.ts";

/** Telemetry of a hosting process: its log goes to `logs/host.log`, as the terminal belongs to the command. */
export function startHostTelemetry(logFolder: string): Telemetry {
  const file = new LogFile(join(logFolder, "host.log"));
  // The local waterfall shows the host's own spans as the orchestrator's; elsewhere they must carry the same name.
  const telemetry = startTelemetry("orchestrator", { logTo: file });
  return {
    log: telemetry.log,
    tracer: telemetry.tracer,
    flush: () => telemetry.flush(),
    async [Symbol.asyncDispose]() {
      await telemetry[Symbol.asyncDispose]();
      file[Symbol.dispose]();
    },
  };
}
