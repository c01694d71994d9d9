import type { KeyStore } from "@heimdex/access";
import { AssetServiceDefinition } from "@heimdex/contracts/v1/asset";
import { JobServiceDefinition } from "@heimdex/contracts/v1/job";
import { KeyServiceDefinition } from "@heimdex/contracts/v1/key";
import { SearchServiceDefinition } from "@heimdex/contracts/v1/search";
import { SidecarServiceDefinition } from "@heimdex/contracts/v1/sidecar";
import { SourceServiceDefinition } from "@heimdex/contracts/v1/source";
import { StageServiceDefinition } from "@heimdex/contracts/v1/stage";
import { SystemServiceDefinition } from "@heimdex/contracts/v1/system";
import { UploadServiceDefinition } from "@heimdex/contracts/v1/upload";
import type { Tracer } from "@heimdex/telemetry";
import type { CompatServiceDefinition, ServiceImplementation } from "nice-grpc";
import type { WithCaller } from "./access-middleware.ts";
import { AssetService } from "./asset-service.ts";
import type { Call } from "./call.ts";
import type { GatewayConfig } from "./config.ts";
import { JobService } from "./job-service.ts";
import { KeyService } from "./key-service.ts";
import { OrchestratorClient } from "./orchestrator-client.ts";
import type { GatewayPorts } from "./ports.ts";
import { SearchService } from "./search/search-service.ts";
import { SidecarService } from "./sidecar-service.ts";
import type { SignedPaths } from "./signed-paths.ts";
import { SourceService } from "./source-service.ts";
import { StageService } from "./stage-service.ts";
import { SystemService } from "./system-service.ts";
import { UploadService } from "./upload-service.ts";

/** A method as generated code describes it, its message types forgotten: what HTTP needs to call any of them. */
export interface AnyMethod {
  readonly name: string;
  readonly requestType: { decode(bytes: Uint8Array): unknown };
  readonly responseType: { encode(message: unknown): { finish(): Uint8Array } };
  readonly responseStream: boolean;
}

export interface BoundService {
  /** `heimdex.v1.JobService`. */
  readonly fullName: string;
  readonly definition: CompatServiceDefinition;
  readonly implementation: ServiceImplementation<CompatServiceDefinition, WithCaller>;
  readonly methods: readonly AnyMethod[];
  /** Calls a unary method by its name in the contract. */
  unary(method: string, request: unknown, call: Call): Promise<unknown>;
  /** Calls a server-streaming one. */
  stream(method: string, request: unknown, call: Call): AsyncIterable<unknown>;
}

interface GeneratedDefinition {
  readonly fullName: string;
  readonly methods: Readonly<Record<string, unknown>>;
}

/** Ties generated code to its implementation; the compiler checks that they fit, and nobody needs to know the types afterwards. */
function bind<D extends CompatServiceDefinition & GeneratedDefinition>(
  definition: D,
  implementation: ServiceImplementation<D, WithCaller>,
): BoundService {
  const handlers = implementation as unknown as Record<string, (request: unknown, call: Call) => unknown>;
  const methods = new Map(Object.entries(definition.methods).map(([key, method]) => [(method as AnyMethod).name, key]));
  const invoke = (name: string, request: unknown, call: Call): unknown => {
    const key = methods.get(name);
    if (key === undefined) throw new Error(`${definition.fullName} has no method ${name}`);
    return handlers[key]?.(request, call);
  };
  return {
    fullName: definition.fullName,
    definition,
    implementation: implementation as unknown as ServiceImplementation<CompatServiceDefinition, WithCaller>,
    methods: Object.values(definition.methods) as AnyMethod[],
    unary: async (method, request, call) => invoke(method, request, call),
    stream: (method, request, call) => invoke(method, request, call) as AsyncIterable<unknown>,
  };
}

/** Every service of heimdex.v1. Streams that would go on for ever end with `stopping`.
 * @param httpUrl where callers reach HTTP; "" where that is not known */
export function bindServices(
  ports: GatewayPorts,
  keys: KeyStore,
  signedPaths: SignedPaths,
  config: GatewayConfig,
  httpUrl: () => string,
  tracer: Tracer | undefined,
  stopping: AbortSignal,
): BoundService[] {
  const { catalog, bus, blobs } = ports;
  const orchestrator = new OrchestratorClient(bus);
  return [
    bind(AssetServiceDefinition, new AssetService(catalog, orchestrator, signedPaths, config, httpUrl)),
    bind(JobServiceDefinition, new JobService(catalog, bus, orchestrator, config, tracer, stopping)),
    bind(KeyServiceDefinition, new KeyService(catalog, keys)),
    bind(SearchServiceDefinition, new SearchService(ports, config)),
    bind(SidecarServiceDefinition, new SidecarService(catalog, blobs)),
    bind(SourceServiceDefinition, new SourceService(orchestrator, config)),
    bind(StageServiceDefinition, new StageService(catalog, orchestrator, config)),
    bind(SystemServiceDefinition, new SystemService(ports, orchestrator, config)),
    bind(UploadServiceDefinition, new UploadService(catalog, blobs, signedPaths, config, httpUrl)),
  ];
}
