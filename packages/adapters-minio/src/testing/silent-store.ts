import { once } from "node:events";
import { createServer, type IncomingMessage, request as send } from "node:http";
import type { AddressInfo } from "node:net";

/** The same store by another address, but one that states no checksums, as many stores with the API of S3 do. Test code only.
 * @param loses whether the answer to a request is lost on its way; by default none, and checksums are kept when it is given */
export async function startSilentStore(
  target: string,
  loses?: (request: IncomingMessage) => boolean,
): Promise<AsyncDisposable & { readonly endpoint: string }> {
  const { hostname, port } = new URL(target);
  const server = createServer((request, response) => {
    const { method, url, headers } = request;
    const onward = send({ host: hostname, port, method, path: url, headers, setHost: false }, (answer) => {
      if (loses?.(request)) {
        request.socket.destroy();
        return;
      }
      const kept = Object.entries(answer.headers).filter(
        ([name]) => loses !== undefined || !name.startsWith("x-amz-checksum-"),
      );
      response.writeHead(answer.statusCode ?? 502, Object.fromEntries(kept));
      answer.pipe(response);
    });
    onward.once("error", () => response.destroy());
    request.pipe(onward);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      if (!server.listening) return;
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
