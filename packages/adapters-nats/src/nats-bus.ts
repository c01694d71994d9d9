import { HeimdexError, type SerializedError } from "@heimdex/errors";
import {
  type ArchiveEvent,
  type Bus,
  checkPattern,
  checkSubject,
  type EventLog,
  encodePayload,
  type Subscription,
} from "@heimdex/ports";
import {
  type ConnectionOptions,
  connect,
  createInbox,
  headers,
  type Msg,
  type NatsConnection,
  type Subscription as NatsSubscription,
} from "@nats-io/transport-node";
import { Backoff } from "./backoff.ts";
import { EventStream } from "./event-stream.ts";
import { fromNats } from "./nats-error.ts";
import { parseServers } from "./server-list.ts";
import { Subjects } from "./subjects.ts";

export interface NatsBusOptions {
  /** `nats://host:port`, or `tls://host:port` to refuse a server without TLS; several of one cluster separated by commas. Without credentials. */
  readonly servers: string;
  readonly user?: string;
  readonly password?: string;
  /** First token of all subjects, and the beginning of the stream's name: buses of different prefixes share a server and nothing else. Default "heimdex". */
  readonly prefix?: string;
  /** How long to wait for the server itself: when connecting, subscribing, and storing an event; ms. Default 5 000. */
  readonly timeoutMs?: number;
  /** Gets what subscribers throw, and what the server says against a subscription (BUS_UNAVAILABLE). */
  readonly onError: (error: unknown, subject: string) => void;
}

type MessageHandler = (payload: unknown, subject: string) => void | Promise<void>;
type RequestHandler = (payload: unknown, subject: string, signal: AbortSignal) => Promise<unknown>;

/** All responders are of one group, so that a request matched by two patterns is still answered once. */
const RESPONDERS = "responders";
/** Header of an answer that is an error. */
const ERROR_HEADER = "Heimdex-Error";
/** A server that is silent for three of these is taken for gone: its connections may stay open when it hangs or the network is cut. */
const PING_INTERVAL_MS = 5_000;
const MAX_PINGS_OUT = 2;
/** How long closing waits for the server to take what was published. */
const DRAIN_MS = 2_000;

/** A Bus over NATS, where messages and requests go from process to process as they are, and an EventLog, which JetStream keeps. Who appends nothing needs no JetStream.
 * A lost connection is sought again for ever, with growing pauses; meanwhile calls reject with BUS_UNAVAILABLE, and subscriptions go on afterwards. */
export class NatsBus implements Bus, EventLog {
  readonly #connection: NatsConnection;
  readonly #subjects: Subjects;
  readonly #events: EventStream;
  readonly #servers: string;
  readonly #timeoutMs: number;
  readonly #onError: NatsBusOptions["onError"];
  /** Ends each call that waits. */
  readonly #waiting = new Set<(error: HeimdexError) => void>();
  readonly #onReconnect = new Set<() => void>();
  /** Ends each request that is being answered. */
  readonly #answering = new Set<AbortController>();
  #isConnected = true;
  #closing: Promise<void> | undefined;

  private constructor(connection: NatsConnection, subjects: Subjects, options: NatsBusOptions) {
    this.#connection = connection;
    this.#subjects = subjects;
    this.#servers = options.servers;
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#events = new EventStream(connection, subjects, this.#timeoutMs);
    this.#onError = options.onError;
  }

  /** Connects.
   * @throws HeimdexError BUS_UNAVAILABLE (no server within the time-out, refused), CONFIG_INVALID (servers, prefix) */
  static async open(options: NatsBusOptions): Promise<NatsBus> {
    const { servers, prefix = "heimdex" } = options;
    const subjects = new Subjects(prefix);
    const backoff = new Backoff();
    const connecting = connectionOptions(options, backoff);
    try {
      const bus = new NatsBus(await connect(connecting), subjects, options);
      void bus.#follow(backoff);
      return bus;
    } catch (reason) {
      throw fromNats(reason, servers);
    }
  }

  async publish(subject: string, payload: unknown): Promise<void> {
    this.#checkOpen();
    checkSubject(subject);
    const json = encodePayload(subject, payload);
    await this.#call(async () => this.#connection.publish(this.#subjects.message(subject), json));
  }

  async subscribe(subject: string, handler: MessageHandler, options: { group?: string } = {}): Promise<Subscription> {
    this.#checkOpen();
    checkPattern(subject);
    const { group } = options;
    return this.#call(async () => {
      const subscription = await this.#listen(this.#subjects.message(subject), group, (message) => {
        const from = this.#subjects.ofMessage(message.subject);
        // An async function, so that a handler that throws and one that rejects end the same way.
        const run = async () => handler(message.json(), from);
        run().catch((error) => this.#onError(error, from));
      });
      return { [Symbol.asyncDispose]: () => this.#leave(subscription) };
    });
  }

  async respond(subject: string, handler: RequestHandler): Promise<Subscription> {
    this.#checkOpen();
    checkPattern(subject);
    return this.#call(async () => {
      const wire = this.#subjects.requests(subject);
      const responding = await this.#listen(wire, RESPONDERS, (message) => void this.#answer(message, handler));
      return { [Symbol.asyncDispose]: () => this.#finish(responding) };
    });
  }

  async request(
    subject: string,
    payload: unknown,
    options: { timeoutMs: number; signal?: AbortSignal },
  ): Promise<unknown> {
    this.#checkOpen();
    checkSubject(subject);
    const { timeoutMs, signal } = options;
    signal?.throwIfAborted();
    const json = encodePayload(subject, payload);
    return this.#call(async () => {
      const { promise, resolve, reject } = Promise.withResolvers<Msg>();
      const callback = (error: Error | null, message: Msg) => (error === null ? resolve(message) : reject(error));
      // An inbox for each request, not the client's shared one: an answer nobody waits for any more is then not sent.
      const inbox = this.#connection.subscribe(createInbox(), { max: 1, callback });
      try {
        this.#connection.publish(this.#subjects.request(subject, timeoutMs), json, { reply: inbox.getSubject() });
        const answer = await this.#until(promise, timeoutMs, undefined, signal);
        if (answer === undefined)
          throw new HeimdexError("BUS_TIMEOUT", `no answer to ${subject} within ${timeoutMs} ms`);
        if (answer.headers?.code === 503)
          throw new HeimdexError("BUS_NO_RESPONDER", `nobody answers ${subject}`, { metadata: { subject } });
        if (answer.headers?.has(ERROR_HEADER)) throw HeimdexError.fromJSON(answer.json<SerializedError>());
        return answer.json();
      } finally {
        inbox.unsubscribe();
      }
    }, signal);
  }

  onReconnect(handler: () => void): Disposable {
    this.#onReconnect.add(handler);
    return { [Symbol.dispose]: () => void this.#onReconnect.delete(handler) };
  }

  async prepare(): Promise<void> {
    this.#checkOpen();
    await this.#call(() => this.#answered(this.#events.declare()));
  }

  async append(event: ArchiveEvent): Promise<void> {
    this.#checkOpen();
    const { id, type, data } = event;
    const subject = this.#subjects.event(data.tenant, type);
    const json = encodePayload(subject, event);
    await this.#call(() => this.#answered(this.#events.append(subject, json, id)));
  }

  /** What was published goes out before the connection ends, if the server takes it within 2 s. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const reject of [...this.#waiting]) reject(this.#closed());
    for (const over of this.#answering) over.abort(new HeimdexError("CANCELLED", "the bus closes"));
    if (this.#isConnected) await within(this.#connection.drain(), DRAIN_MS);
    await this.#connection.close();
  }

  /** Listens, and returns when the server knows. */
  async #listen(wire: string, queue: string | undefined, handle: (message: Msg) => void): Promise<NatsSubscription> {
    const subscription = this.#connection.subscribe(wire, {
      ...(queue === undefined ? {} : { queue }),
      callback: (error, message) => {
        if (this.#closing !== undefined) return;
        if (error !== null) this.#onError(fromNats(error, this.#servers), wire);
        else handle(message);
      },
    });
    try {
      await this.#flushed();
    } catch (reason) {
      subscription.unsubscribe();
      throw reason;
    }
    return subscription;
  }

  /** Nothing is handled after this has been called; it resolves when the server knows, or is gone. */
  async #leave(subscription: NatsSubscription): Promise<void> {
    if (subscription.isClosed()) return;
    subscription.unsubscribe();
    if (this.#closing === undefined && this.#isConnected) await this.#flushed().catch(() => {});
  }

  /** What the server sent before it knew is handled: nobody else will answer that. Resolves when no more can come, or the server is gone. */
  async #finish(responding: NatsSubscription): Promise<void> {
    if (responding.isClosed() || this.#closing !== undefined) return;
    if (this.#isConnected) await within(responding.drain(), this.#timeoutMs);
    responding.unsubscribe();
  }

  async #flushed(): Promise<void> {
    await this.#answered(this.#connection.flush());
  }

  /** What the server itself answers: in the time that is waited for it. */
  async #answered(answer: Promise<void>): Promise<void> {
    const inTime = answer.then(() => true);
    if ((await this.#until(inTime, this.#timeoutMs, undefined)) === undefined)
      throw new HeimdexError("BUS_UNAVAILABLE", `NATS at ${this.#servers} did not answer within ${this.#timeoutMs} ms`);
  }

  async #answer(message: Msg, handler: RequestHandler): Promise<void> {
    const { subject, timeoutMs } = this.#subjects.ofRequest(message.subject);
    const over = new AbortController();
    const timer = setTimeout(
      () => over.abort(new HeimdexError("CANCELLED", `nobody waits for the answer to ${subject} any more`)),
      timeoutMs,
    );
    over.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
    this.#answering.add(over);
    try {
      const json = encodePayload(subject, await handler(message.json(), subject, over.signal));
      if (!over.signal.aborted) message.respond(json);
    } catch (reason) {
      this.#respondError(message, subject, reason);
    } finally {
      clearTimeout(timer);
      this.#answering.delete(over);
    }
  }

  #respondError(message: Msg, subject: string, reason: unknown): void {
    if (this.#closing !== undefined) return;
    const marked = headers();
    marked.set(ERROR_HEADER, "1");
    try {
      message.respond(JSON.stringify(HeimdexError.from(reason)), { headers: marked });
    } catch (error) {
      this.#onError(fromNats(error, this.#servers), subject);
    }
  }

  /** What `promise` resolves with, or `late` when the time is up. Rejects when the call is aborted, the connection lost, or the bus closed. */
  async #until<T, L>(promise: Promise<T>, timeoutMs: number, late: L, signal?: AbortSignal): Promise<T | L> {
    const ended = Promise.withResolvers<L>();
    const onAbort = () => ended.reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const timer = setTimeout(() => ended.resolve(late), timeoutMs);
    this.#waiting.add(ended.reject);
    try {
      return await Promise.race([promise, ended.promise]);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      this.#waiting.delete(ended.reject);
    }
  }

  async #call<T>(call: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (!this.#isConnected) throw this.#lost();
    try {
      return await call();
    } catch (reason) {
      if (signal?.aborted && reason === signal.reason) throw reason;
      if (this.#closing !== undefined && !(reason instanceof HeimdexError)) throw this.#closed();
      throw fromNats(reason, this.#servers);
    }
  }

  /** Keeps in mind whether there is a connection, for as long as there is a bus. */
  async #follow(backoff: Backoff): Promise<void> {
    for await (const status of this.#connection.status()) {
      if (status.type === "disconnect") {
        this.#isConnected = false;
        for (const reject of [...this.#waiting]) reject(this.#lost());
      } else if (status.type === "reconnect") {
        this.#isConnected = true;
        backoff.reset();
        for (const handler of this.#onReconnect) handler();
      } else if (status.type === "error") this.#onError(fromNats(status.error, this.#servers), "");
    }
  }

  #checkOpen(): void {
    if (this.#closing !== undefined) throw this.#closed();
  }

  #closed(): HeimdexError {
    return new HeimdexError("BUS_CLOSED", "the bus is closed");
  }

  #lost(): HeimdexError {
    return new HeimdexError("BUS_UNAVAILABLE", `the connection to NATS at ${this.#servers} is lost`);
  }
}

const DEFAULT_TIMEOUT_MS = 5_000;

function connectionOptions(
  { servers, user, password, timeoutMs }: NatsBusOptions,
  backoff: Backoff,
): ConnectionOptions {
  const addresses = parseServers(servers);
  return {
    name: "heimdex",
    servers: [...addresses.servers],
    // Without this the client takes TLS where the server offers it, and goes without where it does not.
    ...(addresses.tls ? { tls: {} } : {}),
    ...(user === undefined ? {} : { user }),
    ...(password === undefined ? {} : { pass: password }),
    timeout: timeoutMs ?? DEFAULT_TIMEOUT_MS,
    maxReconnectAttempts: -1,
    // A password that is being changed must not end the search.
    ignoreAuthErrorAbort: true,
    reconnectDelayHandler: () => backoff.next(),
    pingInterval: PING_INTERVAL_MS,
    maxPingOut: MAX_PINGS_OUT,
  };
}

/** Waits for `promise`, however it ends, at most `ms`. */
async function within(promise: Promise<void>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  try {
    await Promise.race([promise.catch(() => {}), late]);
  } finally {
    clearTimeout(timer);
  }
}
