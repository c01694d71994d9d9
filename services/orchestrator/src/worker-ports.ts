import { StageRegistryServiceDefinition } from "@heimdex/contracts/stage/v1/stage_registry_service";
import { WorkServiceDefinition } from "@heimdex/contracts/stage/v1/work_service";
import type { ServiceHealth } from "@heimdex/health";
import type { Telemetry } from "@heimdex/telemetry";
import { grpcServer, listen, readAddress, stopServer } from "./grpc-server.ts";
import { type RegistryParts, stageRegistryService } from "./stage-registry-service.ts";
import { sessionOpener, type WorkParts, workService } from "./work-service.ts";

/** Where workers dial in: `127.0.0.1:8482`. */
export interface WorkerPorts extends AsyncDisposable {
  readonly inside: string;
  /** "" where there is none. */
  readonly outside: string;
}

/** Opens the workers' gRPC port, and another one for workers outside where it is configured. Both serve the same; what differs is what a session opened there is given.
 * Throws NOT_LOOPBACK, PORT_IN_USE. */
export async function openWorkerPorts(
  registry: RegistryParts,
  parts: WorkParts,
  health: ServiceHealth,
  telemetry: Telemetry,
): Promise<WorkerPorts> {
  const { config, gate } = parts;
  const stages = stageRegistryService(registry);
  const work = workService(parts);
  await using opened = new AsyncDisposableStack();
  const open = async (where: string, openSession: typeof work.openSession): Promise<string> => {
    const server = grpcServer(telemetry, health, gate.isShut);
    server.add(StageRegistryServiceDefinition, stages);
    server.add(WorkServiceDefinition, { ...work, openSession });
    const { host, port } = readAddress(where);
    const listening = await listen(server, { host, port }, gate.isShut, config.tls);
    opened.defer(() => stopServer(server, config.drainMs));
    return `${host.includes(":") ? `[${host}]` : host}:${listening}`;
  };
  const inside = await open(config.workerAddress, work.openSession);
  const outside =
    config.outerWorkerAddress === "" ? "" : await open(config.outerWorkerAddress, sessionOpener(parts, "outside"));
  const held = opened.move();
  return { inside, outside, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
