import { HeimdexError } from "@heimdex/errors";
import type { Log } from "@heimdex/telemetry";
import { backoffMs, pause } from "./backoff.ts";
import { type Call, type Connection, callFailure } from "./connection.ts";

const CALL_DEADLINE_MS = 10_000;

/** What the parts of a session have in common: how it calls, and that its end is noticed wherever a call first finds out. */
export class SessionLink {
  readonly id: string;
  readonly log: Log;
  readonly #connection: Connection;
  readonly #token: string;
  readonly #ended = new AbortController();

  constructor(connection: Connection, id: string, token: string, log: Log) {
    this.id = id;
    this.log = log;
    this.#connection = connection;
    this.#token = token;
  }

  /** Aborts when the server has forgotten the session, or the worker has closed it. No call is made afterwards. */
  get ended(): AbortSignal {
    return this.#ended.signal;
  }

  end(): void {
    this.#ended.abort();
  }

  /** One call, once. A session the server does not know ends here. */
  async call<R>(call: Call<R>, deadlineMs = CALL_DEADLINE_MS, signal: AbortSignal = this.ended): Promise<R> {
    try {
      return await this.#connection.call(deadlineMs, this.#token, signal, call);
    } catch (reason) {
      if (!this.ended.aborted && reason instanceof HeimdexError && callFailure(reason) === "session") this.end();
      throw reason;
    }
  }

  /** The same call again and again until it is answered. Rejects with what the server refuses it for, or when `signal` aborts. */
  async persist<R>(call: Call<R>, signal: AbortSignal = this.ended): Promise<R> {
    for (let failures = 1; ; failures++) {
      try {
        return await this.call(call, CALL_DEADLINE_MS, signal);
      } catch (reason) {
        if (signal.aborted || this.ended.aborted || !(reason instanceof HeimdexError) || callFailure(reason) !== "away")
          throw reason;
        await pause(backoffMs(failures), signal);
      }
    }
  }
}
