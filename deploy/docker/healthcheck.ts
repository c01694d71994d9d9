/* HEALTHCHECK of the images: asks the service of this container by grpc.health.v1, and ends with 0 when it serves. */
import { createChannel, createClient } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";

/** Where services answer; a worker listens for nothing else. */
const PORTS: Readonly<Record<string, number>> = { gateway: 8481, orchestrator: 8482 };
/** Of grpc.health.v1. */
const SERVING = 1;

const port = PORTS[process.env.HEIMDEX_SERVICE ?? ""] ?? 8484;
const channel = createChannel(`127.0.0.1:${port}`);
const { status } = await createClient(HealthDefinition, channel).check(
  { service: "" },
  { signal: AbortSignal.timeout(4_000) },
);
channel.close();
process.exitCode = status === SERVING ? 0 : 1;
