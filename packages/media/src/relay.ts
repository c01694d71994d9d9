import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { isUrl } from "./location.ts";
import { MediaError } from "./media-error.ts";

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

export interface RelayTimes {
  /** A connection that brings nothing for so long is given up for another, ms. Default 20 s. */
  readonly silenceMs?: number;
  /** So long it is tried without a byte coming, ms. Default 60 s. */
  readonly patienceMs?: number;
}

/** Has tools read a URL as if nothing could come between: what they get is a URL on loopback whose bytes are fetched here, from where a connection broke off. So a
 * film that could not be read is told from one that is broken, which ffmpeg's own messages do not tell, and no tool's arguments or messages show the source's URL.
 * A path is given to `work` as it is.
 * @throws MediaError SOURCE_NOT_FOUND | SOURCE_UNREADABLE, whatever came of `work`, when a part that it asked for could not be fetched; else what `work` throws */
export async function throughRelay<T>(
  location: string,
  work: (location: string) => Promise<T>,
  times: RelayTimes = {},
): Promise<T> {
  if (!isUrl(location)) return work(location);
  await using relay = await Relay.listen(location, times);
  let result: T;
  try {
    result = await work(relay.location);
  } catch (reason) {
    throw relay.fault ?? reason;
  }
  if (relay.fault !== undefined) throw relay.fault;
  return result;
}

class Relay implements AsyncDisposable {
  /** What could not be fetched, and why. */
  fault: MediaError | undefined;
  readonly #url: string;
  readonly #server: Server;
  /** Nobody else on this machine can ask. */
  readonly #path = `/${randomBytes(16).toString("hex")}`;
  readonly #silenceMs: number;
  readonly #patienceMs: number;

  private constructor(url: string, { silenceMs, patienceMs }: RelayTimes) {
    this.#url = url;
    this.#silenceMs = silenceMs ?? 20_000;
    this.#patienceMs = patienceMs ?? 60_000;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  static async listen(url: string, times: RelayTimes): Promise<Relay> {
    const relay = new Relay(url, times);
    relay.#server.listen(0, "127.0.0.1");
    await once(relay.#server, "listening");
    return relay;
  }

  get location(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}${this.#path}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.url !== this.#path) {
      response.writeHead(404).end();
      return;
    }
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    const answer = new Answer(request.headers.range, response, gone.signal);
    let lastByteMs = performance.now();
    for (let failures = 0; !answer.isWhole; ) {
      const before = answer.sent;
      try {
        await answer.fill(this.#url, this.#silenceMs);
      } catch (reason) {
        if (gone.signal.aborted) return; // the tool has read what it wants
        if (answer.sent > before) {
          failures = 0;
          lastByteMs = performance.now();
        }
        failures++;
        if (reason instanceof Refused || performance.now() - lastByteMs > this.#patienceMs) {
          this.fault ??= unreadable(reason);
          if (response.headersSent) response.destroy();
          else response.writeHead(502).end();
          return;
        }
        const pauseMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1));
        await wait(pauseMs, undefined, { signal: gone.signal }).catch(() => undefined);
      }
    }
  }
}

/** What one request is answered, from as many connections as it takes. */
class Answer {
  /** Bytes of the body. */
  sent = 0;
  isWhole = false;
  readonly #range: string | undefined;
  readonly #response: ServerResponse;
  readonly #gone: AbortSignal;
  /** Undefined where the source does not say. */
  #size: number | undefined;

  constructor(range: string | undefined, response: ServerResponse, gone: AbortSignal) {
    this.#range = range;
    this.#response = response;
    this.#gone = gone;
  }

  /** Goes on with what is still to come. Throws when the connection breaks off before its end, or Refused. */
  async fill(url: string, silenceMs: number): Promise<void> {
    const silence = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const listen = () => {
      timer = setTimeout(() => silence.abort(new Error(`nothing came for ${silenceMs} ms`)), silenceMs);
    };
    listen();
    try {
      const signal = AbortSignal.any([this.#gone, silence.signal]);
      const range = this.#rest();
      const headers = { "accept-encoding": "identity", ...(range === undefined ? {} : { range }) };
      const source = await fetch(url, { signal, headers });
      await this.#begin(source);
      for await (const part of source.body ?? []) {
        clearTimeout(timer);
        this.sent += part.length;
        // A tool that is slow to take it is not a source that is silent.
        if (!this.#response.write(part)) await once(this.#response, "drain", { signal: this.#gone });
        listen();
      }
    } finally {
      clearTimeout(timer);
    }
    if (this.#size !== undefined && this.sent < this.#size)
      throw new Error(`the connection ended after ${this.sent} of ${this.#size} bytes`);
    this.isWhole = true;
    this.#response.end();
  }

  #rest(): string | undefined {
    if (this.sent === 0) return this.#range;
    const [, first = "0", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(this.#range ?? "") ?? [];
    return `bytes=${Number(first) + this.sent}-${last}`;
  }

  async #begin(source: Response): Promise<void> {
    const { status, headers } = source;
    const isBeyondTheEnd = status === 416 && this.sent === 0;
    if (!isBeyondTheEnd && (!source.ok || (this.sent > 0 && status !== 206))) {
      await source.body?.cancel();
      if (status >= 500 || status === 408 || status === 429) throw new Error(`it is answered ${status}`);
      throw new Refused(status);
    }
    if (this.#response.headersSent) return;
    const length = headers.get("content-length");
    if (length !== null) this.#size = Number(length);
    const told = ["content-length", "content-range", "accept-ranges", "content-type"].flatMap((name) => {
      const value = headers.get(name);
      return value === null ? [] : [[name, value]];
    });
    this.#response.writeHead(status, Object.fromEntries(told) as Record<string, string>);
  }
}

/** Another try would be answered the same. */
class Refused extends Error {
  readonly status: number;

  constructor(status: number) {
    super(`it is answered ${status}`);
    this.status = status;
  }
}

function unreadable(cause: unknown): MediaError {
  const { message } = cause as Error;
  const reason = cause instanceof Refused && cause.status === 404 ? "SOURCE_NOT_FOUND" : "SOURCE_UNREADABLE";
  const { code } = ((cause as Error).cause ?? {}) as NodeJS.ErrnoException;
  const why = code === undefined ? message : `${message} (${code})`;
  return new MediaError(reason, `the source could not be read to its end: ${why}`, {
    help: "Check that this machine reaches the source.",
    cause,
  });
}
