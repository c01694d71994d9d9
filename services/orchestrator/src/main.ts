import { openClusterPorts } from "@heimdex/cluster";
import { loadConfig, redacted } from "@heimdex/config";
import { openMetrics } from "@heimdex/metrics";
import { startTelemetry } from "@heimdex/telemetry";
import { startOrchestrator } from "./orchestrator.ts";
import { orchestratorConfig, serviceConfig } from "./service-config.ts";

await using telemetry = startTelemetry("orchestrator", { metrics: await openMetrics("orchestrator") });
const { log } = telemetry;
const config = loadConfig(serviceConfig, process.env);
log.info({ config: redacted(config) }, "starting");
const stop = new AbortController();
const stopped = new Promise<void>((resolve) => stop.signal.addEventListener("abort", () => resolve(), { once: true }));
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort()); // a second kills
await using ports = await openClusterPorts(config, log, stop.signal);
await using orchestrator = await startOrchestrator(ports, orchestratorConfig(config), telemetry);
orchestrator.openIntake();
log.info({ address: orchestrator.workerAddress }, "ready");
await stopped;
log.info({}, "draining");
