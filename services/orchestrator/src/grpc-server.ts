import { checkListen, grpcCredentials, type TlsConfig } from "@heimdex/access";
import { descriptorSet } from "@heimdex/contracts";
import { StageRegistryServiceDefinition } from "@heimdex/contracts/stage/v1/stage_registry_service";
import { WorkServiceDefinition } from "@heimdex/contracts/stage/v1/work_service";
import { errorServerMiddleware, HeimdexError } from "@heimdex/errors";
import type { ServiceHealth } from "@heimdex/health";
import { callDurations } from "@heimdex/metrics";
import type { Telemetry } from "@heimdex/telemetry";
import { createServer, type Server } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { ServerReflection, ServerReflectionService } from "nice-grpc-server-reflection";

/** Messages are meant to stay below 4 MiB. More is read only to be refused by what checks its fields, which says where the fault lies and what to do: gRPC's
 * own refusal says neither. Beyond this it is gRPC's. */
const MAX_MESSAGE_BYTES = 16 * 1024 * 1024;

/** What workers call. */
export const WORKER_SERVICES: string[] = [StageRegistryServiceDefinition.fullName, WorkServiceDefinition.fullName];

/** The workers' gRPC server, with health; and with reflection where anybody who reaches it may know.
 * @param isShut workers must show a key */
export function grpcServer(telemetry: Telemetry, health: ServiceHealth, isShut: boolean): Server {
  const { metrics } = telemetry;
  const plain = createServer({
    // Balanced clients must come back through the resolver now and then; a long poll under way may finish.
    "grpc.max_connection_age_ms": 300_000,
    "grpc.max_connection_age_grace_ms": 30_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.http2.min_ping_interval_without_data_ms": 10_000,
    "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
  });
  const server = (metrics === undefined ? plain : plain.use(callDurations(metrics))).use(
    errorServerMiddleware((error, path) =>
      error.id === "INTERNAL"
        ? telemetry.log.error({ err: error, path }, "call failed")
        : telemetry.log.debug({ error, path }, "call refused"),
    ),
  );
  server.add(HealthDefinition, health.grpc);
  if (!isShut) server.add(ServerReflectionService, ServerReflection(Buffer.from(descriptorSet()), WORKER_SERVICES));
  return server;
}

/** @param isShut workers must show a key. Throws NOT_LOOPBACK, PORT_IN_USE. */
export async function listen(
  server: Server,
  { host, port }: { host: string; port: number },
  isShut: boolean,
  tls: TlsConfig,
): Promise<number> {
  // What was checked, not the name it was found by: that may stand for more.
  const address = await checkListen("workers", host, isShut);
  try {
    return await server.listen(`${address.includes(":") ? `[${address}]` : address}:${port}`, grpcCredentials(tls));
  } catch (reason) {
    if (!String(reason).includes("EADDRINUSE")) throw reason;
    throw new HeimdexError("PORT_IN_USE", `port ${port} for workers is in use`, {
      cause: reason,
      metadata: { port: String(port) },
    });
  }
}

/** Takes no new calls, and waits for those under way; parked polls end by the stop signal.
 * @param drainMs how long they may take */
export async function stopServer(server: Server, drainMs: number): Promise<void> {
  const force = setTimeout(() => server.forceShutdown(), drainMs);
  await server.shutdown();
  clearTimeout(force);
}

/** Host and port of `host:port`. Throws CONFIG_INVALID. */
export function readAddress(address: string): { host: string; port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d+)$/.exec(address);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535)
    throw new HeimdexError("CONFIG_INVALID", `${address} is not host:port`, {
      fields: [{ field: "address", description: "host:port" }],
    });
  return { host: match[1] ?? match[2] ?? "", port };
}
