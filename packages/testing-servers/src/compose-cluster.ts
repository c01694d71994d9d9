import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { freePorts } from "./free-ports.ts";

const run = promisify(execFile);
const FOLDER = fileURLToPath(new URL("../../../deploy/compose/", import.meta.url));
/** Most that a command's output may be: logs of a whole cluster. */
const MAX_OUTPUT = 512 * 1024 * 1024;

export interface ComposeOptions {
  /** Folder that containers see as /films. */
  readonly films: string;
  /** Variables of compose.yaml, besides ports and the films. Default: none. */
  readonly variables?: Readonly<Record<string, string>>;
  /** Variables of containers by service, over what compose.yaml gives them. Default: none. */
  readonly environment?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** What is otherwise with services of compose.yaml, in its own words. Default: nothing. */
  readonly services?: Readonly<Record<string, object>>;
  /** Files of deploy/compose besides compose.yaml. Default: none. */
  readonly files?: readonly string[];
  /** Further arguments of `up`: `--scale`, say. Default: none. */
  readonly up?: readonly string[];
}

/** A container of the cluster. */
export interface Container {
  readonly id: string;
  readonly service: string;
}

/** deploy/compose as a user starts it, but under a name and on ports of its own. Disposing removes it with all its data. */
export class ComposeCluster implements AsyncDisposable {
  /** Base URL of the HTTP API. */
  readonly url: string;
  /** `host:port` of the gRPC API. */
  readonly api: string;
  /** `host:port` that workers on this machine join. */
  readonly workerAddress: string;
  /** Base URL of the S3 store. */
  readonly store: string;
  /** Address of NATS, where events.yaml is used. */
  readonly bus: string;
  /** Base URL of Jaeger's page, where it runs. */
  readonly traces: string;
  /** Base URL of Prometheus, where it runs. */
  readonly figures: string;
  /** Name of the Compose project. */
  readonly project: string;
  readonly #environment: NodeJS.ProcessEnv;
  readonly #override: string;
  readonly #folder: string;
  readonly #files: readonly string[];

  private constructor(
    project: string,
    ports: Ports,
    environment: NodeJS.ProcessEnv,
    folder: string,
    files: readonly string[],
  ) {
    this.project = project;
    this.url = `http://127.0.0.1:${ports.HEIMDEX_HTTP_PORT}`;
    this.api = `127.0.0.1:${ports.HEIMDEX_GRPC_PORT}`;
    this.workerAddress = `127.0.0.1:${ports.HEIMDEX_WORKER_PORT}`;
    this.store = `http://127.0.0.1:${ports.HEIMDEX_S3_PORT}`;
    this.bus = `nats://127.0.0.1:${ports.HEIMDEX_BUS_PORT}`;
    this.traces = `http://127.0.0.1:${ports.HEIMDEX_JAEGER_PORT}`;
    this.figures = `http://127.0.0.1:${ports.HEIMDEX_PROMETHEUS_PORT}`;
    this.#environment = environment;
    this.#folder = folder;
    this.#files = files;
    this.#override = join(folder, "override.json");
  }

  /** Resolves once all services are healthy; images are those of `make images`. Rejects with what Compose and the services said. */
  static async up(options: ComposeOptions): Promise<ComposeCluster> {
    const ports = await composePorts();
    const folder = await mkdtemp(join(tmpdir(), "heimdex-compose-"));
    const environment = { ...process.env, ...ports, HEIMDEX_FILMS: options.films, ...options.variables };
    const project = `heimdex-${folder.slice(-6).toLowerCase()}`;
    const cluster = new ComposeCluster(project, ports, environment, folder, options.files ?? []);
    try {
      const environments = Object.entries(options.environment ?? {}).map(([service, variables]) => [
        service,
        { environment: variables },
      ]);
      const services = { ...Object.fromEntries(environments), ...options.services };
      await writeFile(cluster.#override, JSON.stringify({ services })); // JSON is YAML
      await cluster.compose("up", "--detach", "--no-build", "--wait", ...(options.up ?? []));
      return cluster;
    } catch (reason) {
      const logs = await cluster.compose("logs", "--tail", "20").catch(String);
      await cluster[Symbol.asyncDispose]();
      throw new Error(`the cluster did not come up: ${reason instanceof Error ? reason.message : reason}\n${logs}`);
    }
  }

  /** Runs `docker compose` on the cluster; resolves with what it printed. */
  async compose(...args: readonly string[]): Promise<string> {
    return docker(["compose", ...args], this.environment());
  }

  /** What the programs of deploy/compose, and `docker compose` there, must find in their environment to mean this cluster.
   * @param files of deploy/compose, besides those it was started with */
  environment(...files: readonly string[]): NodeJS.ProcessEnv {
    const named = ["compose.yaml", ...this.#files, ...files].map((file) => join(FOLDER, file));
    const all = [...named, this.#override];
    return { ...this.#environment, COMPOSE_PROJECT_NAME: this.project, COMPOSE_FILE: all.join(":") };
  }

  /** What a file holds that only containers can read. */
  async secret(name: string): Promise<string> {
    const folder = name === "stage-key" ? "stage-secrets" : "secrets";
    return (await this.compose("exec", "-T", "orchestrator", "cat", `/${folder}/${name}`)).trim();
  }

  /** Containers that were started, those that have ended included; one-shot services left out. */
  async containers(): Promise<Container[]> {
    const lines = (await this.compose("ps", "--all", "--format", "json")).trim().split("\n");
    return lines
      .map((line) => JSON.parse(line) as { ID: string; Service: string })
      .map(({ ID: id, Service: service }) => ({ id, service }))
      .filter(({ service }) => service !== "secrets" && service !== "models");
  }

  /** What all containers have logged, of each since it was made. */
  logs(): Promise<string> {
    return this.compose("logs", "--no-color", "--no-log-prefix");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.compose("--profile", "observability", "down", "--volumes", "--remove-orphans", "--timeout", "1");
    await rm(this.#folder, { recursive: true });
  }
}

/** Runs the docker command. */
export async function docker(args: readonly string[], environment = process.env): Promise<string> {
  const { stdout } = await run("docker", [...args], { env: environment, maxBuffer: MAX_OUTPUT });
  return stdout;
}

const PORTS = [
  "HEIMDEX_HTTP_PORT",
  "HEIMDEX_GRPC_PORT",
  "HEIMDEX_WORKER_PORT",
  "HEIMDEX_DATA_PORT",
  "HEIMDEX_S3_PORT",
  "HEIMDEX_BUS_PORT",
  "HEIMDEX_JAEGER_PORT",
  "HEIMDEX_PROMETHEUS_PORT",
] as const;
type Ports = Record<(typeof PORTS)[number], string>;

/** Variables of deploy/compose with ports that were free just now. */
export async function composePorts(): Promise<Ports> {
  const ports = await freePorts(PORTS.length);
  return Object.fromEntries(PORTS.map((name, at) => [name, String(ports[at])])) as Ports;
}
