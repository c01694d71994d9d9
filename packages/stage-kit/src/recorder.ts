import { setTimeout as delay } from "node:timers/promises";
import type { Manifest } from "@heimdex/contracts/stage/v1/stage";
import {
  type RegisterStageResponse,
  StageRegistryServiceDefinition,
  type StageRegistryServiceImplementation,
} from "@heimdex/contracts/stage/v1/stage_registry_service";
import {
  type AcquireLeasesRequest,
  AcquireLeasesRequest_Lane,
  type AcquireLeasesResponse,
  type Lease,
  type OpenSessionResponse,
  WorkServiceDefinition,
  type WorkServiceImplementation,
} from "@heimdex/contracts/stage/v1/work_service";
import { errorClientMiddleware, errorServerMiddleware, HeimdexError } from "@heimdex/errors";
import {
  type CallContext,
  type Channel,
  type Client,
  createChannel,
  createClientFactory,
  createServer,
  Metadata,
  type Server,
} from "nice-grpc";
import type { Call, Method, Methods } from "./call.ts";

/** What may happen to a call on its way. Both may wait, and throw what the worker is answered. */
export interface Interception<M extends Method> {
  /** Before the server hears of it. */
  readonly before?: (call: Call<M>) => void | Promise<void>;
  /** When the server has answered, before the worker hears of it. */
  readonly after?: (call: Call<M>) => void | Promise<void>;
}

type WorkClient = Client<typeof WorkServiceDefinition>;
type RegistryClient = Client<typeof StageRegistryServiceDefinition>;

/** Stands between the worker and the server: passes every call on, and keeps what was asked, what was answered, and when. Of a worker that serves
 * several stages only the one under test reaches the server: the others are told that all is well, and get no work. */
export class Recorder implements AsyncDisposable {
  readonly calls: Call[] = [];
  /** Sessions the worker opened, newest last. */
  readonly sessions: OpenSessionResponse[] = [];
  /** Every manifest it registered, by name: the newest. */
  readonly manifests = new Map<string, Manifest>();
  /** Name of the stage under test. Default: the first that registers. */
  stage: string | undefined;
  /** Changes leases before the worker sees them. */
  rewrite: (lease: Lease) => Lease = (lease) => lease;
  /** Sessions that are told to drain. */
  readonly draining = new Set<string>();
  readonly #server: Server;
  readonly #interceptions = new Map<Method, Set<Interception<Method>>>();
  readonly #watchers = new Set<() => void>();
  #channel: Channel | undefined;
  #work: WorkClient | undefined;
  #registry: RegistryClient | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  /** @returns also the port it listens on */
  static async listen(): Promise<{ recorder: Recorder; port: number }> {
    const server = createServer({ "grpc.max_receive_message_length": -1 }).use(errorServerMiddleware(() => undefined));
    const recorder = new Recorder(server);
    server.add(WorkServiceDefinition, recorder.#workService());
    server.add(StageRegistryServiceDefinition, recorder.#registryService());
    return { recorder, port: await server.listen("127.0.0.1:0") };
  }

  /** Where calls go from now on. */
  connect(address: string): void {
    this.#channel?.close();
    const channel = createChannel(address, undefined, { "grpc.enable_http_proxy": 0 });
    const factory = createClientFactory().use(errorClientMiddleware);
    this.#work = factory.create(WorkServiceDefinition, channel);
    this.#registry = factory.create(StageRegistryServiceDefinition, channel);
    this.#channel = channel;
  }

  /** The server as the kit itself calls it.
   * @param token of the session it calls in */
  upstream(token = ""): {
    work: WorkClient;
    registry: RegistryClient;
    options: { metadata: ReturnType<typeof Metadata> };
  } {
    if (this.#work === undefined || this.#registry === undefined)
      throw new HeimdexError("UNAVAILABLE", "the server is away");
    const metadata = Metadata(token === "" ? {} : { authorization: `Bearer ${token}` });
    return { work: this.#work, registry: this.#registry, options: { metadata } };
  }

  /** Calls of a method, in order.
   * @param sinceMs only those that began then or later */
  of<M extends Method>(method: M, sinceMs = 0): Call<M>[] {
    return this.calls.filter((call) => call.method === method && call.atMs >= sinceMs) as Call<M>[];
  }

  /** Has every call of a method pass `interception` until the function returned is called. */
  intercept<M extends Method>(method: M, interception: Interception<M>): () => void {
    const all = this.#interceptions.get(method) ?? new Set();
    this.#interceptions.set(method, all);
    all.add(interception as Interception<Method>);
    return () => void all.delete(interception as Interception<Method>);
  }

  /** Waits until `look` finds something, which is looked for after every call; undefined when `withinMs` have passed. */
  async until<T>(look: () => T | undefined | false, withinMs: number): Promise<T | undefined> {
    const giveUpMs = performance.now() + withinMs;
    for (;;) {
      const found = look();
      if (found !== undefined && found !== false) return found;
      const leftMs = giveUpMs - performance.now();
      if (leftMs <= 0) return undefined;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(wake, leftMs);
        const watchers = this.#watchers;
        function wake(): void {
          clearTimeout(timer);
          watchers.delete(wake);
          resolve();
        }
        watchers.add(wake);
      });
    }
  }

  /** Lets all who wait look again. */
  changed(): void {
    for (const wake of [...this.#watchers]) wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
    this.#channel?.close();
  }

  async #pass<M extends Method>(
    method: M,
    request: Methods[M]["request"],
    context: CallContext,
    ask: () => Promise<Methods[M]["answer"]>,
  ): Promise<Methods[M]["answer"]> {
    const session = "session" in request ? request.session : "";
    const call: Call<M> = {
      method,
      request,
      session,
      atMs: performance.now(),
      endMs: undefined,
      answer: undefined,
      error: undefined,
      isLost: false,
    };
    this.calls.push(call as unknown as Call);
    this.changed();
    // A worker whose connection broke, or that waited no longer, does not hear what the server answers.
    const cut = () => {
      call.endMs ??= performance.now();
      call.isLost = true;
    };
    context.signal.addEventListener("abort", cut, { once: true });
    try {
      for (const { before } of this.#interceptionsOf(method)) await before?.(call);
      call.answer = await ask();
      for (const { after } of this.#interceptionsOf(method)) await after?.(call);
      return call.answer;
    } catch (reason) {
      call.error = HeimdexError.from(reason);
      throw reason;
    } finally {
      context.signal.removeEventListener("abort", cut);
      call.endMs ??= performance.now();
      this.changed();
    }
  }

  #interceptionsOf<M extends Method>(method: M): Interception<M>[] {
    return [...(this.#interceptions.get(method) ?? [])] as Interception<M>[];
  }

  #clients(context: CallContext) {
    const { work, registry } = this.upstream();
    const metadata = Metadata({ authorization: context.metadata.get("authorization") ?? "" });
    return { work, registry, options: { metadata, signal: context.signal } };
  }

  #registryService(): StageRegistryServiceImplementation {
    return {
      registerStage: (request, context) =>
        this.#pass("registerStage", request, context, async (): Promise<RegisterStageResponse> => {
          const { manifest } = request;
          const name = manifest?.name ?? "";
          if (manifest !== undefined) this.manifests.set(name, manifest);
          this.stage ??= name;
          if (name !== this.stage) return { stage: undefined };
          const { registry, options } = this.#clients(context);
          return registry.registerStage(request, options);
        }),
      getStage: (request, context) => {
        const { registry, options } = this.#clients(context);
        return registry.getStage(request, options);
      },
      listStages: (request, context) => {
        const { registry, options } = this.#clients(context);
        return registry.listStages(request, options);
      },
      retireStage: (request, context) => {
        const { registry, options } = this.#clients(context);
        return registry.retireStage(request, options);
      },
    };
  }

  #workService(): WorkServiceImplementation {
    return {
      openSession: (request, context) =>
        this.#pass("openSession", request, context, async () => {
          const { work, options } = this.#clients(context);
          const opened = await work.openSession(request, options);
          this.sessions.push(opened);
          return opened;
        }),
      acquireLeases: (request, context) =>
        this.#pass("acquireLeases", request, context, () => this.#acquire(request, context)),
      renewLeases: (request, context) =>
        this.#pass("renewLeases", request, context, async () => {
          const { work, options } = this.#clients(context);
          const answer = await work.renewLeases(request, options);
          return { ...answer, drain: answer.drain || this.draining.has(request.session) };
        }),
      finishLeases: (request, context) =>
        this.#pass("finishLeases", request, context, () => {
          const { work, options } = this.#clients(context);
          return work.finishLeases(request, options);
        }),
      createUploads: (request, context) =>
        this.#pass("createUploads", request, context, () => {
          const { work, options } = this.#clients(context);
          return work.createUploads(request, options);
        }),
      closeSession: (request, context) =>
        this.#pass("closeSession", request, context, () => {
          const { work, options } = this.#clients(context);
          return work.closeSession(request, options);
        }),
    };
  }

  async #acquire(request: AcquireLeasesRequest, context: CallContext): Promise<AcquireLeasesResponse> {
    const { work, options } = this.#clients(context);
    const slots = request.slots.filter(({ stage }) => !this.manifests.has(stage) || stage === this.stage);
    if (slots.length === 0 && request.slots.length > 0) {
      const waitMs = (request.wait?.seconds ?? 0) * 1000 + (request.wait?.nanos ?? 0) / 1e6;
      await delay(waitMs, undefined, { signal: context.signal });
      return { leases: [], drain: this.draining.has(request.session) };
    }
    const answer = await work.acquireLeases({ ...request, slots }, options);
    return {
      leases: request.lane === AcquireLeasesRequest_Lane.INTERACTIVE ? answer.leases : answer.leases.map(this.rewrite),
      drain: answer.drain || this.draining.has(request.session),
    };
  }
}
