import { createServer, connect as dial, type Server, type Socket } from "node:net";
import { Transform } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

/** Which way bytes go. */
export type Direction = "to server" | "to client";

/** What the proxy does to the bytes that pass. */
export interface Disturbance {
  /** Longest a piece is kept back, ms; how long is drawn for each. */
  readonly delayMs: number;
  /** Sends each piece as two. */
  readonly halve: boolean;
  /** Share of the pieces at which the connection ends instead, 0 to 1. */
  readonly drop: number;
  /** Numbers from 0 to 1. */
  readonly random: () => number;
}

/** Passes TCP connections on to a port of this machine, and breaks them at will. */
export class TcpProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #open = new Set<Socket>();
  readonly #target: number;
  readonly #held = new Map<Direction, PromiseWithResolvers<void>>();
  #disturbance: Disturbance | undefined;
  #refusing = false;
  /** When connections were made, by `performance.now()`; those that were refused included. */
  readonly connectedAtMs: number[] = [];
  /** Connections that a disturbance ended. */
  dropped = 0;

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

  /** Lets nothing through in one direction until `release`: who waits there hears nothing, and no connection breaks. */
  hold(direction: Direction): void {
    if (!this.#held.has(direction)) this.#held.set(direction, Promise.withResolvers());
  }

  release(direction: Direction): void {
    this.#held.get(direction)?.resolve();
    this.#held.delete(direction);
  }

  /** Passes bytes on badly from now on; undefined: well. */
  disturb(disturbance: Disturbance | undefined): void {
    this.#disturbance = disturbance;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.refuse();
    for (const direction of [...this.#held.keys()]) this.release(direction);
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
    from.pipe(this.#passage("to server", from)).pipe(to);
    to.pipe(this.#passage("to client", from)).pipe(from);
  }

  /** One direction of a connection: holds, delays, halves and drops as is wanted when a piece comes. */
  #passage(direction: Direction, connection: Socket): Transform {
    const passage = new Transform({
      transform: (piece: Buffer, _encoding, done) => {
        if (!this.#held.has(direction) && this.#disturbance === undefined) done(null, piece);
        else void this.#send(passage, direction, connection, piece).then(() => done());
      },
    });
    return passage;
  }

  async #send(passage: Transform, direction: Direction, connection: Socket, piece: Buffer): Promise<void> {
    await this.#held.get(direction)?.promise;
    if (this.#disturbance === undefined) {
      passage.push(piece);
      return;
    }
    const { delayMs, halve, drop, random } = this.#disturbance;
    if (random() < drop) {
      this.dropped++;
      connection.destroy();
      return;
    }
    const half = halve ? Math.ceil(piece.length / 2) : piece.length;
    for (const part of [piece.subarray(0, half), piece.subarray(half)]) {
      await delay(random() * delayMs);
      if (part.length > 0) passage.push(part);
    }
  }
}
