import { clusterConfig, openClusterPorts } from "@heimdex/cluster";
import { loadConfig, redacted } from "@heimdex/config";
import { openMetrics } from "@heimdex/metrics";
import { startTelemetry } from "@heimdex/telemetry";
import { z } from "zod";
import { gatewayConfig } from "./config.ts";
import { startGateway } from "./gateway.ts";

await using telemetry = startTelemetry("gateway", { metrics: await openMetrics("gateway") });
const { log } = telemetry;
const config = loadConfig(z.object({ ...clusterConfig.shape, ...gatewayConfig.shape }), process.env);
log.info({ config: redacted(config) }, "starting");
const stop = new AbortController();
for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort()); // a second kills
await using ports = await openClusterPorts(config, log, stop.signal);
await using gateway = await startGateway(ports, { ...config, profile: "cluster" }, telemetry, stop.signal);
log.info({ http: gateway.httpAddress, grpc: gateway.grpcAddress }, "ready");
await gateway.stopped;
