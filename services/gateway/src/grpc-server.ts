import { checkListen, type Gate, grpcCredentials } from "@heimdex/access";
import { errorServerMiddleware, type HeimdexError } from "@heimdex/errors";
import type { ServiceHealth } from "@heimdex/health";
import { callDurations } from "@heimdex/metrics";
import { createServer, type Server } from "nice-grpc";
import { HealthDefinition } from "nice-grpc-server-health";
import { ServerReflection, ServerReflectionService } from "nice-grpc-server-reflection";
import { checkAccess } from "./access.ts";
import { accessMiddleware, type WithCaller } from "./access-middleware.ts";
import type { GatewayConfig } from "./config.ts";
import { listenError } from "./listen.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { BoundService } from "./services.ts";
import type { GatewayTelemetry } from "./telemetry.ts";

/** Largest message either way, bytes. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;

/** The gRPC side: heimdex.v1, grpc.health.v1, and grpc.reflection.v1 where configured. */
export class GrpcServer implements AsyncDisposable {
  readonly address: string;
  readonly #server: Server<WithCaller>;
  readonly #drainMs: number;
  #closing: Promise<void> | undefined;

  private constructor(address: string, server: Server<WithCaller>, drainMs: number) {
    this.address = address;
    this.#server = server;
    this.#drainMs = drainMs;
  }

  /** Listens. @throws HeimdexError NOT_LOOPBACK, PORT_IN_USE */
  static async start(
    services: readonly BoundService[],
    gate: Gate,
    limit: RateLimit,
    health: ServiceHealth,
    descriptorSet: Uint8Array,
    config: GatewayConfig,
    telemetry: GatewayTelemetry,
  ): Promise<GrpcServer> {
    checkAccess(services.flatMap(({ fullName, methods }) => methods.map(({ name }) => `${fullName}.${name}`)));
    const host = await checkListen("grpc", config.grpc.host, gate.isShut);
    const { metrics } = telemetry;
    const plain = createServer({
      "grpc.max_receive_message_length": MAX_MESSAGE_BYTES,
      "grpc.max_send_message_length": MAX_MESSAGE_BYTES,
      // Ends a connection with GOAWAY; a stream under way may still end by itself, so a watcher sees no break. grpc-js servers put no limit on
      // clients' keepalive pings.
      "grpc.max_connection_age_ms": config.maxConnectionAgeMs,
    });
    const server = (metrics === undefined ? plain : plain.use(callDurations(metrics)))
      .use(errorServerMiddleware((error, path) => logError(telemetry, error, path)))
      .use(accessMiddleware(gate, limit));
    for (const { definition, implementation } of services) server.add(definition, implementation);
    server.add(HealthDefinition, health.grpc);
    const names = services.map(({ fullName }) => fullName);
    if (config.reflection) server.add(ServerReflectionService, ServerReflection(descriptorSet, names));
    let port: number;
    const shown = host.includes(":") ? `[${host}]` : host;
    try {
      port = await server.listen(`${shown}:${config.grpc.port}`, grpcCredentials(config.tls));
    } catch (reason) {
      throw listenError("grpc", host, config.grpc.port, reason);
    }
    return new GrpcServer(`${shown}:${port}`, server, config.drainMs);
  }

  /** Takes no new calls, lets those under way end for a while, then cuts them off. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const force = setTimeout(() => this.#server.forceShutdown(), this.#drainMs);
    await this.#server.shutdown();
    clearTimeout(force);
  }
}

function logError(telemetry: GatewayTelemetry, error: HeimdexError, path: string): void {
  const fields = { path, id: error.id, err: error };
  if (error.id === "INTERNAL") telemetry.log.error(fields, error.message);
  else telemetry.log.debug(fields, error.message);
}
