import {
  GenericContainer,
  getContainerRuntimeClient,
  type StartedTestContainer,
  type WaitStrategy,
} from "testcontainers";
import { freePorts } from "./free-ports.ts";

export interface ServerSpec {
  readonly image: string;
  /** Arguments of the image's entry point; the image's own by default. */
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A folder on a file system of its own in memory, and the bytes it has room for. Default: none. */
  readonly disk?: { readonly path: string; readonly bytes: number };
  /** Where the server listens within the container. */
  readonly port: number;
  /** When it counts as started. */
  readonly ready: WaitStrategy;
}

/** Restarts what ends by itself, as deployments do: a server that was killed may fail to start at the first try. */
class RestartingContainer extends GenericContainer {
  constructor(image: string) {
    super(image);
    this.hostConfig.RestartPolicy = { Name: "unless-stopped" };
  }
}

/** A server in a container of its own, and what may happen to it. It keeps its address and its data while it is killed and started again. */
export class ServerContainer implements AsyncDisposable {
  /** Where it is reached from here. */
  readonly host: string;
  readonly port: number;
  readonly #started: StartedTestContainer;
  #disposing: Promise<unknown> | undefined;

  private constructor(started: StartedTestContainer, port: number) {
    this.#started = started;
    this.host = started.getHost();
    this.port = port;
  }

  /** Resolves once the server is ready. */
  static async start(spec: ServerSpec): Promise<ServerContainer> {
    // A port that Docker chooses would be another one after each start.
    const [port = 0] = await freePorts(1);
    const container = new RestartingContainer(spec.image)
      .withExposedPorts({ container: spec.port, host: port })
      .withEnvironment({ ...spec.environment })
      .withWaitStrategy(spec.ready)
      .withStartupTimeout(120_000);
    if (spec.disk !== undefined) container.withTmpFs({ [spec.disk.path]: `rw,size=${spec.disk.bytes}` });
    if (spec.command !== undefined) container.withCommand([...spec.command]);
    return new ServerContainer(await container.start(), port);
  }

  /** Stops all its processes where they stand: connections stay open and nothing answers. */
  async pause(): Promise<void> {
    await (await this.#docker()).pause();
  }

  async resume(): Promise<void> {
    await (await this.#docker()).unpause();
  }

  /** Ends it at once (SIGKILL). */
  async kill(): Promise<void> {
    await (await this.#docker()).kill();
  }

  /** Starts it again after `kill`; its clients find out for themselves when it answers. */
  async start(): Promise<void> {
    await (await this.#docker()).start();
  }

  /** Runs a program in the container, and throws when it fails. */
  async exec(command: readonly string[]): Promise<void> {
    const { exitCode, output } = await this.#started.exec([...command]);
    if (exitCode !== 0) throw new Error(`${command.join(" ")} ended with ${exitCode}: ${output}`);
  }

  /** Removes the container with its data, whatever state it is in. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#docker().then((container) => container.remove({ force: true, v: true }));
    await this.#disposing;
  }

  async #docker() {
    return (await getContainerRuntimeClient()).container.getById(this.#started.getId());
  }
}
