import { HealthServiceImpl, HealthState } from "nice-grpc-server-health";
import type { ServerWatch } from "./server-watch.ts";

/** Whether a service can work just now, for whoever sends it calls: not while a server is missing that it needs, and not from when it begins to stop. */
export class ServiceHealth implements Disposable {
  readonly #state = HealthState();
  readonly #services: readonly string[];
  readonly #servers: ServerWatch | undefined;
  readonly #following: Disposable | undefined;
  #isStopping = false;

  /** @param services names that grpc.health.v1 knows besides "": all are as the whole is
   * @param servers what the service stands on; undefined where that is within its own process */
  constructor(services: readonly string[], servers: ServerWatch | undefined) {
    this.#services = services;
    this.#servers = servers;
    this.#following = servers?.follow(() => this.#tell());
    this.#tell();
  }

  /** grpc.health.v1.Health. Watches end when the service stops: they would hold it up. */
  get grpc(): ReturnType<typeof HealthServiceImpl> {
    const health = HealthServiceImpl(this.#state);
    const isStopping = () => this.#isStopping;
    return {
      check: health.check,
      async *watch(request, context) {
        for await (const answer of health.watch(request, context)) {
          yield answer;
          if (isStopping()) return;
        }
      },
    };
  }

  get isServing(): boolean {
    return !this.#isStopping && (this.#servers?.isServing ?? true);
  }

  /** Names of servers that do not answer, needed or not. */
  get missing(): readonly string[] {
    return this.#servers?.missing ?? [];
  }

  /** From now on it serves no more, whatever its servers do. To be called before anything else is stopped: clients that look go elsewhere then. */
  stop(): void {
    this.#isStopping = true;
    this.#tell();
  }

  [Symbol.dispose](): void {
    this.#following?.[Symbol.dispose]();
  }

  #tell(): void {
    for (const name of ["", ...this.#services]) this.#state.setStatus(this.isServing ? "healthy" : "unhealthy", name);
  }
}
