import { AsyncLocalStorage } from "node:async_hooks";
import * as http from "node:http";
import * as https from "node:https";
import { Silence } from "@heimdex/errors";

/** What bounds the requests of one call. */
export interface CallLimits {
  readonly signal: AbortSignal | undefined;
  /** Longest the connection may be silent, ms. */
  readonly silenceMs: number;
}

/** Statuses that minio-js turns into an error without reading the answer. Unread, it would keep its connection. */
const UNREAD: ReadonlySet<number> = new Set([408, 429, 499, 500, 502, 503, 504, 520]);

/** `request` for minio-js, which itself knows neither signals nor time limits: they come from the call it is made in. */
export class Transport {
  readonly agent: http.Agent;
  readonly #send: typeof http.request;
  readonly #limits = new AsyncLocalStorage<CallLimits>();

  constructor(protocol: string) {
    const isTls = protocol === "https:";
    this.#send = isTls ? https.request : http.request;
    this.agent = isTls ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  }

  /** Runs `call`; the requests it makes end with its limits. */
  within<T>(limits: CallLimits, call: () => Promise<T>): Promise<T> {
    return this.#limits.run(limits, call);
  }

  /** As `http.request` in the one form that minio-js uses. An arrow, as it is called without its object. */
  readonly request = ((options: http.RequestOptions, onResponse: (response: http.IncomingMessage) => void) => {
    const limits = this.#limits.getStore();
    const signal = limits?.signal;
    const request = this.#send({ ...options, ...(signal === undefined ? {} : { signal }) }, (response) => {
      if (UNREAD.has(response.statusCode ?? 0)) response.resume();
      onResponse(response);
    });
    if (limits !== undefined)
      request.setTimeout(limits.silenceMs, () => request.destroy(new Silence("the store", limits.silenceMs)));
    return request;
  }) as typeof http.request;

  close(): void {
    this.agent.destroy();
  }
}
