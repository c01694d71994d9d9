import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { ChannelCredentials, Client } from "@grpc/grpc-js";
import {
  type MinioServer,
  type MongoServer,
  type NatsServer,
  startMinio,
  startMongo,
  startNats,
} from "@heimdex/testing-servers";
import { freePorts } from "@heimdex/testing-servers/free-ports";
import { type Channel, createChannel } from "nice-grpc";
import { until } from "../until.ts";

type Name = "gateway" | "orchestrator";

/** One service as it is deployed: its main, in a process of its own, at ports that stay the same when it is started again. */
export class Service {
  readonly name: Name;
  /** Of its gRPC API: `127.0.0.1:8481`. */
  readonly grpc: string;
  /** Of its HTTP port: the API's, or the data port. */
  readonly http: string;
  /** What it logged, over all starts. */
  readonly logged: { msg: string; level: number; server?: string }[] = [];
  readonly #env: NodeJS.ProcessEnv;
  #child: ChildProcess | undefined;

  constructor(name: Name, ports: readonly number[], env: NodeJS.ProcessEnv) {
    const [grpc, http] = ports;
    this.name = name;
    this.grpc = `127.0.0.1:${grpc}`;
    this.http = `127.0.0.1:${http}`;
    this.#env =
      name === "gateway"
        ? { ...env, HEIMDEX_GRPC_PORT: String(grpc), HEIMDEX_HTTP_PORT: String(http) }
        : {
            ...env,
            HEIMDEX_WORKER_ADDRESS: this.grpc,
            HEIMDEX_DATA_ADDRESS: this.http,
            HEIMDEX_DATA_URL: `http://${this.http}`,
          };
  }

  /** Resolves when it serves. */
  async start(): Promise<void> {
    const main = fileURLToPath(new URL(`../../services/${this.name}/src/main.ts`, import.meta.url));
    const child = spawn(process.execPath, [main], {
      env: { ...process.env, ...this.#env },
      stdio: ["ignore", "inherit", "pipe"],
    });
    this.#child = child;
    const ready = Promise.withResolvers<void>();
    createInterface({ input: child.stderr }).on("line", (line) => {
      if (!line.startsWith("{")) return; // of LanceDB's own
      const said = JSON.parse(line) as { msg: string; level: number };
      this.logged.push(said);
      if (said.msg === "ready") ready.resolve();
    });
    child.once("exit", (code) =>
      ready.reject(new Error(`${this.name} ended with ${code}: ${JSON.stringify(this.logged.slice(-5))}`)),
    );
    await ready.promise;
  }

  /** SIGTERM. Resolves with the exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    child.kill("SIGTERM");
    await once(child, "exit");
    return child.exitCode;
  }

  kill(): void {
    this.#child?.kill("SIGKILL");
  }
}

/** MongoDB, MinIO and NATS in containers, and services on them. Test code only. */
export class Cluster {
  readonly mongo: MongoServer;
  readonly minio: MinioServer;
  readonly nats: NatsServer;
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #stack: AsyncDisposableStack;

  private constructor(
    folder: string,
    servers: readonly [MongoServer, MinioServer, NatsServer],
    stack: AsyncDisposableStack,
  ) {
    [this.mongo, this.minio, this.nats] = servers;
    this.#folder = folder;
    this.#stack = stack;
    this.#env = {
      HEIMDEX_CATALOG_URL: this.mongo.url,
      HEIMDEX_BUS_URL: this.nats.url,
      HEIMDEX_BUS_USER: this.nats.user,
      HEIMDEX_BUS_PASSWORD: this.nats.password,
      HEIMDEX_BLOBS_ENDPOINT: this.minio.endpoint,
      HEIMDEX_BLOBS_ACCESS_KEY: this.minio.accessKey,
      HEIMDEX_BLOBS_SECRET_KEY: this.minio.secretKey,
      HEIMDEX_ACCEPT_WITHIN_MS: "30000", // a worker that a busy machine keeps waiting has not lost its lease
      HEIMDEX_SIGNING_KEY: randomBytes(32).toString("base64url"),
    };
  }

  /** Starts the servers for the length of a test. */
  static async start(t: TestContext): Promise<Cluster> {
    const stack = new AsyncDisposableStack();
    t.after(() => stack.disposeAsync());
    const folder = await mkdtemp(join(tmpdir(), "heimdex-cluster-"));
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const [mongo, minio, nats] = await Promise.all([startMongo(), startMinio(), startNats()]);
    for (const server of [mongo, minio, nats]) stack.use(server);
    await mkdir(join(folder, "films"));
    return new Cluster(folder, [mongo, minio, nats], stack);
  }

  /** Starts a service. */
  async service(name: Name): Promise<Service> {
    const runFolder = join(this.#folder, `run-${randomBytes(4).toString("hex")}`);
    const service = new Service(name, await freePorts(2), { ...this.#env, HEIMDEX_RUN_FOLDER: runFolder });
    this.#stack.defer(() => service.kill());
    await service.start();
    return service;
  }

  /** Ends with the test, before the services do. */
  defer(end: () => void | Promise<void>): void {
    this.#stack.defer(end);
  }

  /** A connection to all of these services, each call to the next of them. */
  channel(...services: readonly Service[]) {
    const channel = createChannel(target(...services), undefined, {
      "grpc.service_config": JSON.stringify({ loadBalancingConfig: [{ round_robin: {} }] }),
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 1_000,
      "grpc.enable_http_proxy": 0,
    });
    this.defer(() => channel.close());
    return channel;
  }

  /** Writes a film that is unlike any other. */
  async film(name: string): Promise<string> {
    const path = join(this.#folder, "films", name);
    await writeFile(path, randomBytes(64));
    return pathToFileURL(path).href;
  }

  get scratch(): string {
    return join(this.#folder, "scratch");
  }
}

/** The gRPC name of several addresses, as one in DNS would stand for them. */
export function target(...services: readonly Service[]): string {
  return `ipv4:${services.map(({ grpc }) => grpc).join(",")}`;
}

/** Resolves when calls on the channel reach the service: a client that was refused tries again after a pause of its own. */
export async function untilReached(channel: Channel, service: Service): Promise<void> {
  const client = new Client(service.grpc, ChannelCredentials.createInsecure(), { channelOverride: channel });
  const peerOf = () =>
    new Promise<string>((resolve, reject) => {
      const bytes = (value: Buffer) => value;
      const answered = (error: Error | null) => (error === null ? resolve(call.getPeer()) : reject(error));
      const call = client.makeUnaryRequest("/grpc.health.v1.Health/Check", bytes, bytes, Buffer.alloc(0), answered);
    });
  await until(`${service.grpc} is reached`, async () => ((await peerOf()) === service.grpc ? true : undefined));
}
