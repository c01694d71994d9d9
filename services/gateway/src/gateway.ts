import { Gate, KeyStore, monitorKeys, type OwnKey } from "@heimdex/access";
import { descriptorSet } from "@heimdex/contracts";
import { HeimdexError } from "@heimdex/errors";
import { ServiceHealth } from "@heimdex/health";
import { Sources } from "@heimdex/sources";
import type { GatewayConfig } from "./config.ts";
import { GrpcServer } from "./grpc-server.ts";
import { HttpServer } from "./http/http-server.ts";
import { readContract } from "./http/transcoder.ts";
import type { GatewayPorts } from "./ports.ts";
import { RateLimit } from "./rate-limit.ts";
import { bindServices } from "./services.ts";
import { SignedPaths } from "./signed-paths.ts";
import type { GatewayTelemetry } from "./telemetry.ts";

/** A running gateway. Disposing it (or aborting the signal it was started with) drains and stops both servers; twice is fine. */
export interface Gateway extends AsyncDisposable {
  /** Where HTTP is served: `127.0.0.1:8480`. */
  readonly httpAddress: string;
  /** Where gRPC is served: `127.0.0.1:8481`. */
  readonly grpcAddress: string;
  /** Resolves once it is drained and stopped, for whatever reason. */
  readonly stopped: Promise<void>;
}

/** Starts the public API over gRPC and HTTP on the given ports, which stay the caller's to close, after the gateway.
 * @param ownKeys keys of this process alone, beside those of the catalog and the configuration; looked at where keys are asked for. Default: none
 * @throws HeimdexError NOT_LOOPBACK, PORT_IN_USE; nothing listens then. `signal.reason` when aborted before it is up */
export async function startGateway(
  ports: GatewayPorts,
  config: GatewayConfig,
  telemetry: GatewayTelemetry,
  signal: AbortSignal,
  ownKeys: readonly OwnKey[] = [],
): Promise<Gateway> {
  signal.throwIfAborted();
  const stopping = new AbortController();
  const descriptors = descriptorSet();
  const keys = new KeyStore(ports.catalog, {
    now: Date.now,
    onError: (reason) => telemetry.log.warn({ err: reason }, "the last use of a key could not be written"),
  });
  const gate = Gate.of(config.auth, keys, [...ownKeys, ...monitorKeys(config.monitorKey)]);
  const signedPaths = new SignedPaths(config.signingKey, gate, () => Date.now());
  const limit = new RateLimit(config.limits, gate.isShut);
  let httpUrl = config.http.publicUrl ?? "";
  const services = bindServices(ports, keys, signedPaths, config, () => httpUrl, telemetry.tracer, stopping.signal);
  const serviceNames = services.map(({ fullName }) => fullName);
  await using starting = new AsyncDisposableStack();
  const sources = starting.use(new Sources({ config: config.sources, blobs: ports.blobs, roots: [] }));
  const health = starting.use(new ServiceHealth(serviceNames, ports.servers));
  const grpc = starting.use(await GrpcServer.start(services, gate, limit, health, descriptors, config, telemetry));
  const contract = readContract(descriptors);
  const http = starting.use(
    await HttpServer.start(contract, services, gate, limit, signedPaths, health, ports, sources, config, telemetry),
  );
  if (httpUrl === "") httpUrl = ownUrl(http.address, config);
  signal.throwIfAborted();
  const running = starting.move();

  const stopped = Promise.withResolvers<void>();
  const stop = (): Promise<void> => {
    if (stopping.signal.aborted) return stopped.promise;
    signal.removeEventListener("abort", stop);
    health.stop();
    // Watches end at once, and say why; other calls may still end by themselves.
    stopping.abort(new HeimdexError("UNAVAILABLE", "the gateway is closing", { retryAfterMs: 1_000 }));
    const closed = Promise.all([grpc[Symbol.asyncDispose](), http[Symbol.asyncDispose]()]);
    closed.then(() => running.disposeAsync()).then(() => stopped.resolve(), stopped.reject);
    return stopped.promise;
  };
  signal.addEventListener("abort", stop, { once: true });
  telemetry.log.info({ http: http.address, grpc: grpc.address }, "the gateway is up");
  return {
    httpAddress: http.address,
    grpcAddress: grpc.address,
    stopped: stopped.promise,
    [Symbol.asyncDispose]: stop,
  };
}

/** Where HTTP is reached on this machine; "" where it listens on all addresses: only others know by which they reach it. */
function ownUrl(address: string, { tls }: GatewayConfig): string {
  if (/^(0\.0\.0\.0|\[::\]):/.test(address)) return "";
  return `${tls.cert === undefined ? "http" : "https"}://${address}`;
}
