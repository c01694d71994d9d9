import { once } from "node:events";
import { loadConfig, redacted } from "@heimdex/config";
import { startTelemetry } from "@heimdex/telemetry";
import { autoscalerConfig } from "./config.ts";
import { startServer } from "./server.ts";

await using telemetry = startTelemetry("autoscaler");
const { log } = telemetry;
const config = loadConfig(autoscalerConfig, process.env);
log.info({ config: redacted(config) }, "starting");
const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort()); // a second kills
await using server = await startServer(config, log);
log.info({ port: server.port }, "ready");
if (!stop.signal.aborted) await once(stop.signal, "abort");
