import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { FileRegistry } from "@bufbuild/protobuf";
import { type Caller, checkListen, type Gate, httpsOptions, LOCAL_CALLER } from "@heimdex/access";
import { HeimdexError } from "@heimdex/errors";
import type { ServiceHealth } from "@heimdex/health";
import type { Sources } from "@heimdex/sources";
import type { Histogram } from "@heimdex/telemetry";
import { Metadata } from "nice-grpc-common";
import { checkAccess, checkReach, levelOf } from "../access.ts";
import type { Call } from "../call.ts";
import type { GatewayConfig } from "../config.ts";
import { listenError } from "../listen.ts";
import type { GatewayPorts } from "../ports.ts";
import type { RateLimit } from "../rate-limit.ts";
import type { BoundService } from "../services.ts";
import { SIGNED_ROUTES, type SignedPaths } from "../signed-paths.ts";
import type { GatewayTelemetry } from "../telemetry.ts";
import { serveBlob } from "./blob-route.ts";
import { matchesTag } from "./byte-range.ts";
import { errorJson, HttpError } from "./http-error.ts";
import { serveMedia } from "./media-route.ts";
import { checkOrigin } from "./origin-guard.ts";
import { pathTemplate } from "./path-template.ts";
import { readBody } from "./read-body.ts";
import { type Answer, transcode } from "./transcoder.ts";
import { receiveUpload } from "./upload-route.ts";
import { serveWatch } from "./watch-route.ts";

/** On every answer. A page of another origin may neither read nor embed what is served here. */
const HEADERS = {
  "x-content-type-options": "nosniff",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "cache-control": "no-store",
};

/** What else than an upload takes so long to come, ms, is cut off. */
const BODY_MS = 60_000;
/** The server's own limit is for requests as a whole: uploads would run into it. */
const TIMEOUTS = { requestTimeout: 0, headersTimeout: 10_000 };

/** What a handler has at hand. */
interface Exchange {
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly call: Call;
}

interface HttpRoute {
  /** What `ACCESS` knows it by: `heimdex.v1.JobService.GetJob`, `GET /healthz`. */
  readonly name: string;
  readonly verb: string;
  /** GET that has no end, so no length either: HEAD makes no sense. */
  readonly endless?: true;
  /** Its body takes as long as it takes. */
  readonly large?: true;
  readonly match: (path: string) => Readonly<Record<string, string>> | undefined;
  readonly handle: (exchange: Exchange) => Promise<void>;
}

/** What is known of a request once it is over. */
interface Seen {
  /** Name of its route; "" where there is none. */
  route: string;
}

/** The HTTP side: the transcoded API and what only HTTP can carry. */
export class HttpServer implements AsyncDisposable {
  readonly #server: Server;
  readonly #routes: readonly HttpRoute[];
  readonly #gate: Gate;
  readonly #limit: RateLimit;
  readonly #signedPaths: SignedPaths;
  readonly #config: GatewayConfig["http"];
  readonly #drainMs: number;
  readonly #telemetry: GatewayTelemetry;
  readonly #durations: Histogram | undefined;
  #port = 0;

  private constructor(
    routes: readonly HttpRoute[],
    gate: Gate,
    limit: RateLimit,
    signedPaths: SignedPaths,
    config: GatewayConfig,
    telemetry: GatewayTelemetry,
  ) {
    const tls = httpsOptions(config.tls);
    this.#server =
      tls === undefined
        ? createServer(TIMEOUTS)
        : createTlsServer({ ...TIMEOUTS, ...tls, ALPNProtocols: ["http/1.1"] });
    this.#routes = routes;
    this.#gate = gate;
    this.#limit = limit;
    this.#signedPaths = signedPaths;
    this.#config = config.http;
    this.#drainMs = config.drainMs;
    this.#telemetry = telemetry;
    this.#durations = telemetry.metrics?.meter.createHistogram("http_server_request_duration_seconds", {
      description: "How long HTTP requests took, their bodies included",
    });
    this.#server.on("request", (request, response) => void this.#serve(request, response));
  }

  /** Listens. @throws HeimdexError NOT_LOOPBACK, PORT_IN_USE */
  static async start(
    contract: FileRegistry,
    services: readonly BoundService[],
    gate: Gate,
    limit: RateLimit,
    signedPaths: SignedPaths,
    health: ServiceHealth,
    ports: GatewayPorts,
    sources: Sources,
    config: GatewayConfig,
    telemetry: GatewayTelemetry,
  ): Promise<HttpServer> {
    const routes = routesOf(contract, services, health, ports, sources, telemetry);
    checkAccess(routes.map(({ name }) => name));
    const server = new HttpServer(routes, gate, limit, signedPaths, config, telemetry);
    const host = await checkListen("http", config.http.host, gate.isShut);
    try {
      server.#server.listen({ host, port: config.http.port });
      await once(server.#server, "listening"); // rejects with what `error` brings
    } catch (reason) {
      throw listenError("http", host, config.http.port, reason);
    }
    server.#server.on("error", (error) => telemetry.log.error({ err: error }, "the HTTP server failed"));
    server.#port = (server.#server.address() as AddressInfo).port;
    return server;
  }

  /** `127.0.0.1:8480`. */
  get address(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `${family === "IPv6" ? `[${address}]` : address}:${port}`;
  }

  /** Takes no new connections, lets calls under way end for a while, then cuts them off. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeIdleConnections();
    const force = setTimeout(() => this.#server.closeAllConnections(), this.#drainMs);
    await closed;
    clearTimeout(force);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    const startMs = performance.now();
    const seen: Seen = { route: "" };
    response.once("close", () => {
      gone.abort();
      this.#durations?.record((performance.now() - startMs) / 1_000, {
        http_route: seen.route,
        http_response_status_code: response.statusCode,
      });
    });
    try {
      for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
      // A page from elsewhere has no key to show, so it needs to be kept off only where none is asked for.
      if (!this.#gate.isShut) checkOrigin(request, this.#port, this.#config.allowedHosts);
      await this.#route(request, response, gone.signal, seen);
    } catch (reason) {
      const left = gone.signal.aborted || response.destroyed || (request.destroyed && !request.complete);
      this.#fail(request, response, left, reason);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse, signal: AbortSignal, seen: Seen): Promise<void> {
    const { authorization } = request.headers;
    const signed = authorization === undefined ? await this.#signedPaths.open(request.url ?? "") : undefined;
    const [path = "", queryText = ""] = splitOnce(signed?.target ?? request.url ?? "", "?");
    // An absolute or `*` target belongs to proxies; its authority would also get around the check of Host.
    if (!path.startsWith("/")) throw new HeimdexError("INVALID_ARGUMENT", "the request's target must begin with /");
    const found = this.#routes.flatMap((route) => {
      const variables = matchPath(route, path);
      return variables === undefined ? [] : [{ route, variables }];
    });
    const match = found.find(({ route }) => verbsOf(route).includes(request.method ?? ""));
    seen.route = match?.route.name ?? "";
    const caller = await this.#caller(request, match?.route, signed?.caller);
    if (found.length === 0)
      throw new HeimdexError("NOT_FOUND", `there is nothing at ${path.slice(0, 200)}`, {
        help: "See docs/reference/api.md.",
      });
    if (match === undefined) {
      const allow = [...new Set(found.flatMap(({ route }) => verbsOf(route)))].join(", ");
      throw new HttpError(
        405,
        new HeimdexError("INVALID_ARGUMENT", `${request.method} is not for ${path.slice(0, 200)}`),
        { allow },
      );
    }
    if (match.route.large !== true) limitBody(request, signal);
    const metadata = new Metadata();
    const traceparent = request.headers.traceparent;
    if (typeof traceparent === "string") metadata.set("traceparent", traceparent);
    await match.route.handle({
      path: match.variables,
      query: parseQuery(queryText),
      request,
      response,
      call: { caller, signal, metadata, http: true },
    });
    this.#telemetry.log.debug({ method: request.method, path, status: response.statusCode }, "http");
  }

  /** Who calls; also where there is nothing to call, so that only those with a key learn that. */
  async #caller(
    { headers }: IncomingMessage,
    route: HttpRoute | undefined,
    signedFor: Caller | undefined,
  ): Promise<Caller> {
    if (route !== undefined && levelOf(route.name) === "public") return LOCAL_CALLER;
    const isSigned = route !== undefined && SIGNED_ROUTES.has(route.name);
    const caller = (isSigned ? signedFor : undefined) ?? (await this.#gate.caller(headers.authorization));
    this.#limit.check(caller);
    if (route !== undefined) checkReach(caller, route.name);
    return caller;
  }

  #fail(request: IncomingMessage, response: ServerResponse, gone: boolean, reason: unknown): void {
    const failure = HttpError.from(reason);
    const fields = { method: request.method, path: request.url?.slice(0, 500), id: failure.error.id, err: reason };
    if (gone) this.#telemetry.log.debug(fields, "the caller left");
    else if (failure.error.code === "INTERNAL") this.#telemetry.log.error(fields, failure.message);
    else if (failure.status >= 500) this.#telemetry.log.warn(fields, failure.message);
    else this.#telemetry.log.debug(fields, failure.message);
    if (response.headersSent) {
      // Too late for a status; a connection that breaks says at least that the answer is not whole.
      response.destroy();
      return;
    }
    response.writeHead(failure.status, { "content-type": "application/json", ...failure.headers });
    response.end(request.method === "HEAD" ? undefined : JSON.stringify(errorJson(failure)));
  }
}

function routesOf(
  contract: FileRegistry,
  services: readonly BoundService[],
  health: ServiceHealth,
  ports: GatewayPorts,
  sources: Sources,
  telemetry: GatewayTelemetry,
): HttpRoute[] {
  const jobs = services.find(({ fullName }) => fullName === "heimdex.v1.JobService");
  if (jobs === undefined) throw new Error("there is no JobService");
  const get = (template: string, handle: HttpRoute["handle"]): HttpRoute => {
    const { match } = pathTemplate(template);
    return { name: `GET ${template}`, verb: "GET", match, handle };
  };
  return [
    ...transcode(contract, services).map((route): HttpRoute => {
      return {
        name: route.method,
        verb: route.verb,
        match: route.template.match,
        handle: async ({ path, query, request, response, call }) => {
          const body = route.hasBody ? await readBody(request) : undefined;
          sendAnswer(request, response, await route.call(path, query, body, call));
        },
      };
    }),
    {
      ...get("/v1/jobs/{job}:watch", ({ path, query, request, response, call }) =>
        serveWatch(contract, jobs, path.job ?? "", query, request, response, call),
      ),
      endless: true,
    },
    get("/v1/blobs/{sha256}", ({ path, query, request, response, call }) =>
      serveBlob(ports.blobs, call.caller.tenant, path.sha256 ?? "", query, request, response, call.signal),
    ),
    get("/v1/assets/{asset}/media", ({ path, request, response, call }) =>
      serveMedia(ports.catalog, sources, call.caller.tenant, path.asset ?? "", request, response, call.signal),
    ),
    {
      name: "PUT /v1/uploads/{upload}",
      verb: "PUT",
      large: true,
      match: pathTemplate("/v1/uploads/{upload}").match,
      handle: ({ path, request, response, call }) =>
        receiveUpload(
          ports.catalog,
          ports.blobs,
          call.caller.tenant,
          path.upload ?? "",
          request,
          response,
          call.signal,
        ),
    },
    get("/healthz", async ({ request, response }) => {
      const { isServing, missing } = health;
      const status = isServing ? "SERVING" : "NOT_SERVING";
      const body = JSON.stringify({ status, ...(missing.length > 0 && { missing }) });
      response.statusCode = isServing ? 200 : 503;
      sendAnswer(request, response, { mediaType: "application/json", body: Buffer.from(body), tag: undefined });
    }),
    get("/metrics", async ({ request, response }) => {
      const onError = (reason: unknown) => telemetry.log.warn({ err: reason }, "a figure could not be read");
      const body = Buffer.from((await telemetry.metrics?.text(onError)) ?? "");
      sendAnswer(request, response, { mediaType: "text/plain; version=0.0.4; charset=utf-8", body, tag: undefined });
    }),
    get("/livez", async ({ request, response }) => {
      const body = Buffer.from('{"status":"ALIVE"}');
      sendAnswer(request, response, { mediaType: "application/json", body, tag: undefined });
    }),
  ];
}

function sendAnswer(request: IncomingMessage, response: ServerResponse, { mediaType, body, tag }: Answer): void {
  if (tag !== undefined) {
    response.setHeader("etag", `"${tag}"`);
    response.setHeader("cache-control", "private, no-cache");
    if (matchesTag(request.headers["if-none-match"], `"${tag}"`)) {
      response.writeHead(304).end();
      return;
    }
  }
  response.writeHead(response.statusCode, { "content-type": mediaType, "content-length": body.length });
  response.end(request.method === "HEAD" ? undefined : body);
}

function limitBody(request: IncomingMessage, gone: AbortSignal): void {
  if (request.complete) return;
  const timer = setTimeout(() => request.complete || request.destroy(), BODY_MS);
  gone.addEventListener("abort", () => clearTimeout(timer), { once: true });
}

function verbsOf({ verb, endless }: HttpRoute): string[] {
  return verb === "GET" && endless !== true ? ["GET", "HEAD"] : [verb];
}

function matchPath(route: HttpRoute, path: string): Readonly<Record<string, string>> | undefined {
  try {
    return route.match(path);
  } catch (cause) {
    if (!(cause instanceof URIError)) throw cause;
    throw new HeimdexError("INVALID_ARGUMENT", "the path is not well percent-encoded", { cause });
  }
}

/** URLSearchParams would put U+FFFD where the encoding is bad, and so search for something nobody asked for. */
function parseQuery(text: string): URLSearchParams {
  try {
    decodeURIComponent(text);
  } catch (cause) {
    if (!(cause instanceof URIError)) throw cause;
    throw new HeimdexError("INVALID_ARGUMENT", "the query is not well percent-encoded", { cause });
  }
  return new URLSearchParams(text);
}

function splitOnce(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}
