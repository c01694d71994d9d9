import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type RegisterStageRequest,
  StageRegistryServiceDefinition,
} from "@heimdex/contracts/stage/v1/stage_registry_service";
import {
  type AcquireLeasesRequest,
  type AcquireLeasesResponse,
  type Artifact,
  type CreateUploadsRequest,
  type DeepPartial,
  type Finish,
  type FinishAnswer,
  FinishAnswer_Result,
  type FinishLeasesRequest,
  Lease,
  type RenewalAnswer_Verdict,
  type RenewLeasesRequest,
  WorkServiceDefinition,
} from "@heimdex/contracts/stage/v1/work_service";
import { errorServerMiddleware, HeimdexError } from "@heimdex/errors";
import { type CallContext, createServer, type Server } from "nice-grpc";
import { durationOf } from "./duration.ts";

type Method =
  | "openSession"
  | "registerStage"
  | "acquireLeases"
  | "renewLeases"
  | "finishLeases"
  | "createUploads"
  | "closeSession";

export interface FakeOptions {
  readonly renewEveryMs?: number;
  readonly acceptWithinMs?: number;
  readonly leaseTtlMs?: number;
  readonly maxWaitMs?: number;
  readonly mountProbe?: string;
}

/** The other side of heimdex.stage.v1 for tests: real gRPC and HTTP over real sockets, with a script instead of a catalog. */
export class FakeOrchestrator implements AsyncDisposable {
  readonly requests = {
    register: [] as RegisterStageRequest[],
    acquire: [] as AcquireLeasesRequest[],
    renew: [] as RenewLeasesRequest[],
    finish: [] as FinishLeasesRequest[],
    uploads: [] as CreateUploadsRequest[],
    closed: [] as string[],
  };
  readonly finishes = new Map<string, Finish>();
  /** Bytes that were PUT, by `lease/number`. */
  readonly uploaded = new Map<string, Buffer>();
  /** Bytes served at `url(name)`. */
  readonly files = new Map<string, Buffer>();
  /** How often each path was asked for, with the range header. */
  readonly httpRequests: { method: string; path: string; range: string | undefined }[] = [];
  readonly verdicts = new Map<string, keyof typeof RenewalAnswer_Verdict>();
  sessions = new Set<string>();
  /** Addresses of peers that opened sessions, one for each connection. */
  readonly connections = new Set<string>();
  drain = false;
  /** Ends the HTTP connection after so many bytes, once. */
  cutAfterBytes: number | undefined;
  /** So many polls are answered at once, without a lease. */
  answerEmpty = 0;
  /** A result for which the whole call is refused. */
  poison: (finish: Finish) => boolean = () => false;
  /** How each result is answered. */
  judge: (finish: Finish) => Partial<FinishAnswer> = () => ({ result: FinishAnswer_Result.ACCEPTED });
  readonly #options: FakeOptions;
  readonly #queue: Lease[] = [];
  readonly #interactive: Lease[] = [];
  readonly #answers = new Map<string, AcquireLeasesResponse>();
  readonly #lose = new Map<Method, number>();
  readonly #refuse = new Map<Method, (request: unknown) => HeimdexError | undefined>();
  readonly #watchers = new Set<() => void>();
  #grpc: Server | undefined;
  #http: HttpServer | undefined;
  #port = 0;

  private constructor(options: FakeOptions) {
    this.#options = options;
  }

  static async start(options: FakeOptions = {}): Promise<FakeOrchestrator> {
    const fake = new FakeOrchestrator(options);
    await fake.#startHttp();
    await fake.up();
    return fake;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  url(name: string): string {
    return `http://127.0.0.1:${((this.#http as HttpServer).address() as AddressInfo).port}/${name}`;
  }

  /** Listens, on the same port as before. */
  async up(): Promise<void> {
    const server = createServer().use(errorServerMiddleware(() => undefined));
    server.add(WorkServiceDefinition, this.#workService());
    server.add(StageRegistryServiceDefinition, this.#registry());
    this.#port = await server.listen(`127.0.0.1:${this.#port}`);
    this.#grpc = server;
  }

  /** Goes away as a killed process does: without a word to anyone. */
  down(): void {
    this.#grpc?.forceShutdown();
    this.#grpc = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.down();
    this.#http?.closeAllConnections();
    this.#http?.close();
  }

  /** Puts a lease into the queue. */
  offer(lease: DeepPartial<Lease> & { stage: string }): Lease {
    const whole = Lease.fromPartial({
      lease: randomUUID(),
      epoch: 1,
      attempt: 1,
      config: "{}",
      asset: "asset-1",
      ...lease,
    });
    this.#queue.push(whole);
    this.#changed();
    return whole;
  }

  ask(stage: string, request: Uint8Array): Lease {
    const input = { port: "request", content: { $case: "inline" as const, value: Buffer.from(request) } };
    const whole = Lease.fromPartial({ lease: `i-${randomUUID()}`, epoch: 1, stage, inputs: [input] });
    this.#interactive.push(whole);
    this.#changed();
    return whole;
  }

  /** The next call of this method does its work, and its answer is lost. */
  loseAnswer(method: Method, times = 1): void {
    this.#lose.set(method, times);
  }

  /** Calls of this method are refused from now on. @param when the requests it is about; default: all */
  refuse(method: Method, error: HeimdexError, when: (request: never) => boolean = () => true): void {
    this.#refuse.set(method, (request) => (when(request as never) ? error : undefined));
  }

  forgetSessions(): void {
    this.sessions = new Set();
    this.#changed();
  }

  startDrain(): void {
    this.drain = true;
    this.#changed();
  }

  /** Resolves when `holds` does; looked at after every call. Rejects after a minute: a test that hangs says nothing. */
  async until<T>(holds: () => T | undefined | false): Promise<T> {
    const patience = AbortSignal.timeout(60_000);
    for (;;) {
      const found = holds();
      if (found !== undefined && found !== false) return found;
      await new Promise<void>((resolve, reject) => {
        const late = () => reject(new Error(`waited in vain for: ${holds}`));
        patience.addEventListener("abort", late, { once: true });
        this.#watchers.add(() => {
          patience.removeEventListener("abort", late);
          resolve();
        });
      });
    }
  }

  finished({ lease }: Lease): Promise<Finish> {
    return this.until(() => this.finishes.get(lease));
  }

  inline(port: string, bytes: Buffer): Artifact {
    return { ...this.#input(port, bytes), content: { $case: "inline", value: bytes } };
  }

  /** An input behind a URL. */
  remote(port: string, bytes: Buffer): Artifact {
    const name = `files/${randomUUID()}`;
    this.files.set(name, bytes);
    return { ...this.#input(port, bytes), content: { $case: "url", value: this.url(name) } };
  }

  local(port: string, bytes: Buffer, path: string): Artifact {
    return { ...this.remote(port, bytes), path };
  }

  #input(port: string, bytes: Buffer): Artifact {
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { port, mediaType: "application/json", sha256, size: bytes.length, content: undefined, path: "", name: "" };
  }

  #changed(): void {
    const watchers = [...this.#watchers];
    this.#watchers.clear();
    for (const wake of watchers) wake();
  }

  #answered<R>(method: Method, answer: R): R {
    this.#changed();
    const lose = this.#lose.get(method) ?? 0;
    if (lose === 0) return answer;
    this.#lose.set(method, lose - 1);
    throw new HeimdexError("UNAVAILABLE", "this answer is lost");
  }

  #check(method: Method, request: { readonly session: string }, context: CallContext): void {
    const { session } = request;
    const refusal = this.#refuse.get(method)?.(request);
    if (refusal !== undefined) throw refusal;
    if (context.metadata.get("authorization") !== `Bearer token-of-${session}`)
      throw new HeimdexError("UNAUTHENTICATED", "no token");
    if (!this.sessions.has(session)) throw new HeimdexError("SESSION_UNKNOWN", session);
  }

  #registry() {
    return {
      registerStage: async (request: RegisterStageRequest, context: CallContext) => {
        this.#check("registerStage", request, context);
        this.requests.register.push(request);
        return this.#answered("registerStage", {});
      },
      getStage: async () => ({}),
      listStages: async () => ({}),
      retireStage: async () => ({}),
    };
  }

  #workService() {
    return {
      openSession: async (_: unknown, context: CallContext) => {
        this.connections.add(context.peer);
        const refusal = this.#refuse.get("openSession")?.({});
        if (refusal !== undefined) throw refusal;
        const session = randomUUID();
        this.sessions.add(session);
        const {
          renewEveryMs = 100,
          acceptWithinMs = 10_000,
          leaseTtlMs = 45_000,
          maxWaitMs = 20_000,
          mountProbe = "",
        } = this.#options;
        return this.#answered("openSession", {
          session,
          token: `token-of-${session}`,
          protocolVersion: 1,
          renewEvery: durationOf(renewEveryMs),
          leaseTtl: durationOf(leaseTtlMs),
          acceptWithin: durationOf(acceptWithinMs),
          maxWait: durationOf(maxWaitMs),
          mountProbe,
        });
      },
      acquireLeases: async (request: AcquireLeasesRequest, context: CallContext) => {
        this.#check("acquireLeases", request, context);
        this.requests.acquire.push(request);
        this.#changed();
        if (this.answerEmpty > 0) {
          this.answerEmpty -= 1;
          return { leases: [], drain: false };
        }
        const known = this.#answers.get(request.requestId);
        if (known !== undefined) return known;
        const answer = await this.until(() => {
          if (context.signal.aborted || this.drain) return { leases: [], drain: this.drain };
          this.#check("acquireLeases", request, context);
          const leases = this.#take(request);
          return leases.length > 0 && { leases, drain: false };
        });
        this.#answers.set(request.requestId, answer);
        return this.#answered("acquireLeases", answer);
      },
      renewLeases: async (request: RenewLeasesRequest, context: CallContext) => {
        this.#check("renewLeases", request, context);
        this.requests.renew.push(request);
        const answers = request.renewals.map(({ lease }) => ({
          lease,
          verdict: this.verdicts.get(lease) ?? ("CONTINUE" as const),
        }));
        return this.#answered("renewLeases", { answers, drain: this.drain });
      },
      finishLeases: async (request: FinishLeasesRequest, context: CallContext) => {
        this.#check("finishLeases", request, context);
        this.requests.finish.push(request);
        if (request.finishes.some(this.poison))
          throw new HeimdexError("INVALID_ARGUMENT", "finishes: one of them is bad");
        const answers = request.finishes.map((finish) => {
          this.finishes.set(finish.lease, finish);
          return { lease: finish.lease, ...this.judge(finish) };
        });
        return this.#answered("finishLeases", { answers });
      },
      createUploads: async (request: CreateUploadsRequest, context: CallContext) => {
        this.#check("createUploads", request, context);
        this.requests.uploads.push(request);
        const uploads = request.sizes.map((_, at) => {
          const number = request.first + at;
          return { number, url: this.url(`uploads/${request.lease}/${number}`) };
        });
        return this.#answered("createUploads", { uploads });
      },
      closeSession: async (request: { session: string }, context: CallContext) => {
        const { session } = request;
        this.#check("closeSession", request, context);
        this.requests.closed.push(session);
        this.sessions.delete(session);
        return this.#answered("closeSession", {});
      },
    };
  }

  /** As many leases as there are slots for. */
  #take(request: AcquireLeasesRequest): Lease[] {
    const queue = request.lane === "INTERACTIVE" ? this.#interactive : this.#queue;
    const free = new Map(request.slots.map(({ stage, count }) => [stage, count]));
    const leases: Lease[] = [];
    for (let at = 0; at < queue.length; ) {
      const lease = queue[at] as Lease;
      const count = free.get(lease.stage) ?? 0;
      if (count === 0) {
        at += 1;
        continue;
      }
      free.set(lease.stage, count - 1);
      leases.push(lease);
      queue.splice(at, 1);
    }
    return leases;
  }

  async #startHttp(): Promise<void> {
    const server = createHttpServer(async (request, response) => {
      const path = (request.url ?? "/").slice(1);
      const { range } = request.headers;
      this.httpRequests.push({ method: request.method ?? "", path, range });
      if (request.method === "PUT") {
        const chunks: Buffer[] = [];
        for await (const chunk of request) chunks.push(chunk as Buffer);
        const bytes = Buffer.concat(chunks);
        const whole = request.headers["content-length"] === String(bytes.length);
        if (whole) this.uploaded.set(path.replace(/^uploads\//, ""), bytes);
        response.statusCode = whole ? 200 : 411;
        response.end();
        return;
      }
      const bytes = this.files.get(path);
      if (bytes === undefined) {
        response.statusCode = 404;
        response.end();
        return;
      }
      const from = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
      response.writeHead(from > 0 ? 206 : 200, { "content-length": bytes.length - from });
      const cut = this.cutAfterBytes;
      this.cutAfterBytes = undefined;
      if (cut === undefined) response.end(bytes.subarray(from));
      else response.write(bytes.subarray(from, from + cut), () => response.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    this.#http = server;
  }
}
