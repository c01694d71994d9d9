import http, { type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import https from "node:https";
import type { Secret } from "@heimdex/config";
import { FetchFailure } from "./fetch-failure.ts";
import type { FetchLimits } from "./fetch-limits.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Throws FetchFailure. Leaving it early closes the connection. */
  readonly body: AsyncIterable<Buffer>;
  /** For a body that is not to be read. */
  readonly close: () => void;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** GET over HTTP(S), through the proxies that HTTP_PROXY, HTTPS_PROXY and NO_PROXY name. Answers other than 2xx throw. */
export class HttpClient implements Disposable {
  readonly #limits: FetchLimits;
  readonly #agents: Readonly<Record<string, http.Agent>>;

  constructor(limits: FetchLimits, env: NodeJS.ProcessEnv = process.env) {
    this.#limits = limits;
    const options = { keepAlive: true, proxyEnv: env as Record<string, string> };
    this.#agents = { "http:": new http.Agent(options), "https:": new https.Agent(options) };
  }

  [Symbol.dispose](): void {
    for (const agent of Object.values(this.#agents)) agent.destroy();
  }

  /** @param token sent to the address' own host only: a redirect to another one goes without
   * Throws FetchFailure, or the signal's reason. */
  async get(
    address: URL,
    { token, range, signal }: { token?: Secret | undefined; range?: string; signal?: AbortSignal | undefined } = {},
  ): Promise<HttpAnswer> {
    let url = address;
    for (let redirects = 0; ; redirects++) {
      const headers = {
        "user-agent": "heimdex",
        "accept-encoding": "identity",
        ...(range === undefined ? {} : { range }),
        ...(token && url.origin === address.origin ? { authorization: `Bearer ${token.reveal()}` } : {}),
      };
      const answer = await this.#request(url, headers, signal);
      const status = answer.statusCode ?? 0;
      if (status >= 200 && status < 300)
        return {
          status,
          headers: answer.headers,
          body: this.#body(answer, where(url), signal),
          close: () => answer.destroy(),
        };
      answer.destroy();
      const location = answer.headers.location;
      if (!REDIRECTS.has(status) || location === undefined)
        throw FetchFailure.ofStatus(status, where(url), answer.headers);
      if (redirects >= this.#limits.redirects)
        throw new FetchFailure(`${where(address)} redirects more than ${this.#limits.redirects} times`, {
          transient: false,
        });
      url = redirected(url, location);
    }
  }

  /** The whole of a small answer. */
  async text(
    url: URL,
    options: { token?: Secret | undefined; signal?: AbortSignal | undefined } = {},
  ): Promise<{ text: string; headers: IncomingHttpHeaders }> {
    const { headers, body } = await this.get(url, options);
    const pieces: Buffer[] = [];
    let size = 0;
    for await (const piece of body) {
      size += piece.length;
      if (size > this.#limits.answerBytes)
        throw new FetchFailure(`${where(url)} answers more than ${this.#limits.answerBytes} bytes`, {
          transient: false,
        });
      pieces.push(piece);
    }
    return { text: Buffer.concat(pieces).toString("utf8"), headers };
  }

  #request(url: URL, headers: http.OutgoingHttpHeaders, signal?: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const { request } = url.protocol === "https:" ? https : http;
    const asked = request(url, { agent: this.#agents[url.protocol], headers, ...(signal && { signal }) }, resolve);
    const late = setTimeout(
      () => asked.destroy(new FetchFailure(`${where(url)} does not answer`, { transient: true })),
      this.#limits.answerWithinMs,
    );
    asked.on("error", (error) => {
      reject(signal?.aborted ? signal.reason : FetchFailure.ofConnection(error, where(url)));
    });
    asked.end();
    return promise.finally(() => clearTimeout(late));
  }

  async *#body(answer: IncomingMessage, from: string, signal?: AbortSignal): AsyncGenerator<Buffer> {
    const { stallBytes, stallWindowMs } = this.#limits;
    let came = 0;
    const watch = setInterval(() => {
      if (came < stallBytes)
        answer.destroy(
          new FetchFailure(`${from} sent ${came} bytes in ${stallWindowMs / 1000} s`, { transient: true }),
        );
      came = 0;
    }, stallWindowMs);
    try {
      for await (const piece of answer as AsyncIterable<Buffer>) {
        came += piece.length;
        yield piece;
      }
    } catch (error) {
      throw signal?.aborted ? signal.reason : FetchFailure.ofConnection(error, from);
    } finally {
      clearInterval(watch);
      answer.destroy();
    }
  }
}

/** An address as messages show it: its query may hold a signature. */
const where = (url: URL) => `${url.origin}${url.pathname}`;

function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from.href);
  if (to === null || !(to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:")))
    throw new FetchFailure(`${where(from)} redirects to an address that is not followed`, { transient: false });
  return to;
}
