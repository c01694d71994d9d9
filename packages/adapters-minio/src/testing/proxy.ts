import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

export interface Proxy extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string;
  /** Connections made to it so far. */
  readonly connections: number;
}

/** Another address of a server, on loopback. Test code only.
 * @param delayMs how long everything takes on its way to the server */
export async function startProxy(target: string, delayMs = 0): Promise<Proxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let connections = 0;
  const server = createServer((inner) => {
    connections++;
    const outer = connect({ host: hostname, port: Number(port) });
    for (const [socket, other] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(socket);
      socket.once("error", () => other.destroy());
      socket.once("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    pump(inner, outer, delayMs).catch(() => outer.destroy());
    outer.pipe(inner);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** What comes within the delay goes on together: a long stream is late by the delay, not by one for each piece. */
async function pump(from: Socket, to: Socket, delayMs: number): Promise<void> {
  let held: Buffer[] = [];
  let sending: Promise<void> | undefined;
  from.on("data", (chunk) => {
    held.push(chunk);
    from.pause();
    sending ??= delay(delayMs).then(() => {
      sending = undefined;
      const all = Buffer.concat(held);
      held = [];
      to.write(all, () => from.resume());
    });
  });
  await once(from, "end");
  await sending;
  to.end();
}
