import { createServer, connect as dial, type Server, type Socket } from "node:net";

/** Passes TCP connections on to a port of this machine, and breaks them at will. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #target: number;
  #refusing = false;
  /** When connections were made, by `performance.now()`; those that were refused included. */
  readonly connectedAtMs: number[] = [];

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer((socket) => this.#pass(socket));
  }

  static async listen(target: number): Promise<TcpProxy> {
    const proxy = new TcpProxy(target);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    });
    return proxy;
  }

  get address(): string {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? `127.0.0.1:${address.port}` : "";
  }

  /** Ends all connections without a word, as a network does. Not by a reset: of a socket that is shutting down it fails in Node, and leaves it open. */
  cut(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** From now on connections are ended as soon as they are made, until `accept`. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  accept(): void {
    this.#refusing = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #pass(from: Socket): void {
    this.connectedAtMs.push(performance.now());
    from.on("error", () => from.destroy());
    if (this.#refusing) {
      from.destroy();
      return;
    }
    const to = dial(this.#target, "127.0.0.1");
    to.on("error", () => to.destroy());
    for (const socket of [from, to]) this.#open.add(socket);
    from.on("close", () => {
      this.#open.delete(from);
      to.destroy();
    });
    to.on("close", () => {
      this.#open.delete(to);
      from.destroy();
    });
    from.setNoDelay(true);
    to.setNoDelay(true);
    from.pipe(to).pipe(from);
  }
}
