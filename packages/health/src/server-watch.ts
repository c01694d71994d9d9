import { setTimeout as delay } from "node:timers/promises";
import { HeimdexError } from "@heimdex/errors";
import type { Log } from "@heimdex/telemetry";

/** A server that a service stands on. */
export interface WatchedServer {
  /** `catalog`. */
  readonly name: string;
  /** Whether the service can do nothing without it; else it does less. */
  readonly isNeeded: boolean;
  /** Resolves when the server answers, and rejects as its adapter does. */
  readonly probe: (signal: AbortSignal) => Promise<unknown>;
}

interface WatchTimes {
  /** Between an answer and the next question. Default 2 s. */
  readonly everyMs?: number;
  /** A server that has not answered by then is missing. Default 3 s. */
  readonly lateMs?: number;
}

/** Asks each server again and again whether it is there. Says in the log when one goes, and why, and when it is back; once each time. */
export class ServerWatch implements AsyncDisposable {
  readonly #servers: readonly WatchedServer[];
  readonly #log: Pick<Log, "info" | "warn">;
  readonly #everyMs: number;
  readonly #lateMs: number;
  readonly #missing = new Set<WatchedServer>();
  readonly #followers = new Set<() => void>();
  readonly #stop = new AbortController();
  readonly #watching: Promise<unknown>;

  /** Begins at once. All count as there until they do not answer. */
  constructor(servers: readonly WatchedServer[], log: Pick<Log, "info" | "warn">, times: WatchTimes = {}) {
    this.#servers = servers;
    this.#log = log;
    this.#everyMs = times.everyMs ?? 2_000;
    this.#lateMs = times.lateMs ?? 3_000;
    this.#watching = Promise.all(servers.map((server) => this.#watch(server)));
  }

  /** Whether all are there that are needed. */
  get isServing(): boolean {
    return !this.#servers.some((server) => server.isNeeded && this.#missing.has(server));
  }

  /** Names of those that do not answer, needed or not. */
  get missing(): readonly string[] {
    return this.#servers.filter((server) => this.#missing.has(server)).map(({ name }) => name);
  }

  /** Calls `follower` whenever a server went or came back. */
  follow(follower: () => void): Disposable {
    this.#followers.add(follower);
    return { [Symbol.dispose]: () => void this.#followers.delete(follower) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#watching;
  }

  async #watch(server: WatchedServer): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const fault = await this.#ask(server);
      if (signal.aborted) return;
      this.#note(server, fault);
      await delay(this.#everyMs, undefined, { signal }).catch(() => {});
    }
  }

  /** Why it is missing; undefined when it answered. */
  async #ask({ probe }: WatchedServer): Promise<string | undefined> {
    const over = new AbortController();
    const late = Promise.withResolvers<string>();
    const end = (why: string) => () => {
      over.abort();
      late.resolve(why);
    };
    const timer = setTimeout(end(`no answer within ${this.#lateMs} ms`), this.#lateMs);
    const stop = end("no longer asked");
    this.#stop.signal.addEventListener("abort", stop, { once: true });
    try {
      const answer = probe(over.signal).then(
        () => undefined,
        (reason: unknown) => HeimdexError.from(reason).message,
      );
      return await Promise.race([answer, late.promise]);
    } finally {
      clearTimeout(timer);
      this.#stop.signal.removeEventListener("abort", stop);
    }
  }

  #note(server: WatchedServer, fault: string | undefined): void {
    const { name, isNeeded } = server;
    if ((fault !== undefined) === this.#missing.has(server)) return;
    if (fault === undefined) {
      this.#missing.delete(server);
      this.#log.info({ server: name }, `the ${name} answers again`);
    } else {
      this.#missing.add(server);
      const meanwhile = isNeeded ? "not serving until it is back" : "serving with less until it is back";
      this.#log.warn({ server: name, fault }, `the ${name} does not answer: ${meanwhile}`);
    }
    for (const follower of this.#followers) follower();
  }
}
