import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";

/** A server of one film, which can be told to misbehave. Test code only. */
export interface FilmServer {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
  readonly url: string;
  /** Range headers of the requests that came; "" for none. */
  readonly asked: string[];
  bytes: Buffer;
  etag: string | undefined;
  modified: string | undefined;
  knowsRanges: boolean;
  contentType: string;
  /** Answers in place of the server, where it says true. */
  instead: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
}

export async function startFilmServer(t: TestContext, bytes: Buffer): Promise<FilmServer> {
  const server = createServer((request, response) => {
    film.asked.push(request.headers.range ?? "");
    if (film.instead?.(request, response) === true) return;
    send(film, request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const film: FilmServer = {
    host,
    url: `http://${host}/films/harbour%20at%20night.mp4`,
    asked: [],
    bytes,
    etag: '"1"',
    modified: "Wed, 01 Jul 2026 10:00:00 GMT",
    knowsRanges: true,
    contentType: "video/mp4",
    instead: undefined,
  };
  return film;
}

function send(film: FilmServer, request: IncomingMessage, response: ServerResponse): void {
  const { bytes, etag, modified } = film;
  const match = film.knowsRanges ? /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") : null;
  const start = Number(match?.[1] ?? 0);
  const end = Math.min(bytes.length, Number(match?.[2] ?? bytes.length - 1) + 1);
  if (match !== null && start >= bytes.length) {
    response.writeHead(416, { "content-range": `bytes */${bytes.length}` }).end();
    return;
  }
  response.writeHead(match === null ? 200 : 206, {
    "content-type": film.contentType,
    "content-length": end - start,
    ...(etag === undefined ? {} : { etag }),
    ...(modified === undefined ? {} : { "last-modified": modified }),
    ...(match === null ? {} : { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` }),
  });
  response.end(bytes.subarray(start, end));
}
