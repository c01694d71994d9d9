import { createServer, type Server } from "nice-grpc";
import { HealthDefinition, HealthServiceImpl, HealthState } from "nice-grpc-server-health";

/** grpc.health.v1 of a worker, for what supervises containers: nothing dials a worker otherwise. SERVING while its session is open and its stages are registered. */
export class Health implements AsyncDisposable {
  readonly #server: Server;
  readonly #state: HealthState;

  private constructor(server: Server, state: HealthState) {
    this.#server = server;
    this.#state = state;
  }

  /** @param address `127.0.0.1:8484` */
  static async open(address: string): Promise<Health> {
    const [server, state] = [createServer(), HealthState()];
    state.setStatus("unhealthy");
    server.add(HealthDefinition, HealthServiceImpl(state));
    await server.listen(address);
    return new Health(server, state);
  }

  set isServing(value: boolean) {
    this.#state.setStatus(value ? "healthy" : "unhealthy");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown();
  }
}
