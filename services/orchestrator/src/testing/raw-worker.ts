import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import type { DeepPartial, Manifest, Model } from "@heimdex/contracts/stage/v1/stage";
import {
  type RegisterStageRequest,
  StageRegistryServiceDefinition,
} from "@heimdex/contracts/stage/v1/stage_registry_service";
import {
  AcquireLeasesRequest_Lane,
  type Artifact,
  type Failed,
  Failed_Kind,
  Finish,
  type FinishAnswer,
  type Lease,
  type OpenSessionResponse,
  type Progress,
  type Span,
  WorkServiceDefinition,
} from "@heimdex/contracts/stage/v1/work_service";
import { errorClientMiddleware } from "@heimdex/errors";
import { type Channel, type Client, createChannel, createClientFactory, Metadata } from "nice-grpc";

export interface PortOptions {
  readonly schema?: string;
  readonly mediaType?: string;
  readonly major?: number;
  readonly many?: boolean;
  readonly optional?: boolean;
  readonly layerSchema?: string;
}

/** A port of a manifest; JSON of the schema `org.example.<name>` unless told otherwise. */
export function port(name: string, options: PortOptions = {}): Manifest["inputs"][number] {
  return {
    name,
    mediaType: options.mediaType ?? "application/json",
    schema: options.schema ?? `org.example.${name}`,
    major: options.major ?? 1,
    many: options.many ?? false,
    optional: options.optional ?? false,
    layerSchema: options.layerSchema ?? "",
  };
}

/** The port that takes the asset's own bytes. */
export const source = port("source", { schema: "heimdex.source", mediaType: "application/octet-stream" });

/** A manifest that is fine: from the source to one port of JSON named `out`. */
export function manifest(name: string, more: Partial<Manifest> = {}): Manifest {
  return {
    name,
    version: "1.0.0",
    behaviour: 1,
    description: `Does ${name}.`,
    inputs: [source],
    outputs: [port("out", { schema: `${name}.out` })],
    conditions: [],
    configSchema: "",
    resources: undefined,
    timeouts: undefined,
    deterministic: true,
    attempts: 0,
    ...more,
  };
}

/** Bytes on a port as FinishLeases takes them. */
export function inline(portName: string, bytes: Uint8Array, mediaType = "application/octet-stream"): Artifact {
  const value = Buffer.from(bytes);
  const sha256 = createHash("sha256").update(value).digest("hex");
  return {
    port: portName,
    mediaType,
    sha256,
    size: value.byteLength,
    content: { $case: "inline", value },
    path: "",
    name: "",
  };
}

export function json(portName: string, value: unknown): Artifact {
  return inline(portName, Buffer.from(JSON.stringify(value)), "application/json");
}

/** A worker that speaks the contract itself, right or wrong. */
export class RawWorker {
  readonly work: Client<typeof WorkServiceDefinition>;
  readonly registry: Client<typeof StageRegistryServiceDefinition>;
  session: OpenSessionResponse;
  readonly #channel: Channel;
  readonly #stages: string[] = [];

  private constructor(
    channel: Channel,
    work: Client<typeof WorkServiceDefinition>,
    registry: Client<typeof StageRegistryServiceDefinition>,
    session: OpenSessionResponse,
  ) {
    this.#channel = channel;
    this.work = work;
    this.registry = registry;
    this.session = session;
  }

  /** Connects and opens a session, with a stage key where one is asked for. */
  static async open(address: string, key?: string): Promise<RawWorker> {
    const channel = createChannel(address, undefined, { "grpc.enable_http_proxy": 0 });
    const factory = createClientFactory().use(errorClientMiddleware);
    const work = factory.create(WorkServiceDefinition, channel);
    const registry = factory.create(StageRegistryServiceDefinition, channel);
    const hello = { protocolVersions: [1], worker: "raw", software: "1", device: "cpu" };
    const metadata = key === undefined ? Metadata() : Metadata({ authorization: `Bearer ${key}` });
    try {
      return new RawWorker(channel, work, registry, await work.openSession(hello, { metadata }));
    } catch (reason) {
      channel.close();
      throw reason;
    }
  }

  /** The same session on another replica. To be closed, too. */
  at(address: string): RawWorker {
    const channel = createChannel(address, undefined, { "grpc.enable_http_proxy": 0 });
    const factory = createClientFactory().use(errorClientMiddleware);
    const there = new RawWorker(
      channel,
      factory.create(WorkServiceDefinition, channel),
      factory.create(StageRegistryServiceDefinition, channel),
      this.session,
    );
    there.#stages.push(...this.#stages);
    return there;
  }

  close(): void {
    this.#channel.close();
  }

  get id(): string {
    return this.session.session;
  }

  /** What every call carries. */
  get options(): { metadata: ReturnType<typeof Metadata> } {
    return { metadata: Metadata({ authorization: `Bearer ${this.session.token}` }) };
  }

  async register(
    what: Manifest,
    more: { models?: Model[]; unavailableReason?: string; unavailableHelp?: string; interactive?: boolean } = {},
  ) {
    const request: DeepPartial<RegisterStageRequest> = { session: this.id, manifest: what, ...more };
    const answer = await this.registry.registerStage(request, this.options);
    this.#stages.push(what.name);
    return answer.stage;
  }

  /** Asks for one lease of each registered stage, or as `slots` say. */
  async acquire(
    options: {
      slots?: Record<string, number>;
      waitMs?: number;
      requestId?: string;
      proof?: string;
      interactive?: true;
    } = {},
  ): Promise<Lease[]> {
    const slots = options.slots ?? Object.fromEntries(this.#stages.map((stage) => [stage, 1]));
    const waitMs = options.waitMs ?? 2_000;
    const { leases } = await this.work.acquireLeases(
      {
        session: this.id,
        requestId: options.requestId ?? randomUUID(),
        slots: Object.entries(slots).map(([stage, count]) => ({ stage, count })),
        wait: { seconds: Math.floor(waitMs / 1000), nanos: (waitMs % 1000) * 1e6 },
        mountProof: options.proof ?? "",
        lane: options.interactive ? AcquireLeasesRequest_Lane.INTERACTIVE : AcquireLeasesRequest_Lane.BATCH,
      },
      this.options,
    );
    return leases;
  }

  /** Asks until there is a lease: exactly one. */
  async lease(options: Parameters<RawWorker["acquire"]>[0] = {}): Promise<Lease> {
    for (let empty = 0; empty < 10; empty++) {
      const leases = await this.acquire(options);
      if (leases.length === 0) continue;
      assert.equal(leases.length, 1, "one lease was asked for");
      return leases[0] as Lease;
    }
    assert.fail("no lease came");
  }

  async renew(leases: readonly { lease: string; epoch: number }[], progress?: Progress) {
    const renewals = leases.map(({ lease, epoch }) => ({ lease, epoch, progress }));
    return (await this.work.renewLeases({ session: this.id, renewals }, this.options)).answers;
  }

  /** Ends one lease. */
  async finish(
    held: { lease: string; epoch: number },
    outcome: Finish["outcome"],
    more: { spans?: Span[]; wallMs?: number } = {},
  ) {
    const finish = Finish.fromPartial({ lease: held.lease, epoch: held.epoch, wallMs: 5, cpuMs: 3, ...more });
    const { answers } = await this.work.finishLeases(
      { session: this.id, finishes: [{ ...finish, outcome }] },
      this.options,
    );
    return answers[0] as FinishAnswer;
  }

  async complete(
    held: { lease: string; epoch: number },
    outputs: Artifact[],
    more: { partialReason?: string; spans?: Span[] } = {},
  ) {
    const { partialReason = "", ...rest } = more;
    return this.finish(held, { $case: "completed", value: { outputs, partialReason } }, rest);
  }

  async fail(
    held: { lease: string; epoch: number },
    failure: Partial<Omit<Failed, "kind">> & { kind?: keyof typeof Failed_Kind },
  ) {
    const { kind = "RETRYABLE", ...rest } = failure;
    const value: Failed = {
      reason: "MADE_UP",
      message: "It was made to fail.",
      help: "",
      retryAfter: undefined,
      logTail: "",
      ...rest,
      kind: Failed_Kind[kind],
    };
    return this.finish(held, { $case: "failed", value });
  }

  async release(held: { lease: string; epoch: number }) {
    return this.finish(held, { $case: "released", value: { reason: "made up" } });
  }

  /** URLs to PUT to. */
  async uploads(held: { lease: string; epoch: number }, sizes: number[], first = 0): Promise<string[]> {
    const request = { session: this.id, lease: held.lease, epoch: held.epoch, sizes, first };
    return (await this.work.createUploads(request, this.options)).uploads.map(({ url }) => url);
  }
}
