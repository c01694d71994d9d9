import { HeimdexError, type SerializedError } from "@heimdex/errors";
import { type Bus, checkSubject, encodePayload, type Subscription } from "@heimdex/ports";
import { DeliveryQueue } from "./delivery-queue.ts";
import { type Listener, Listeners } from "./listeners.ts";

export interface MemoryBusOptions {
  /** Gets what subscribers throw. */
  readonly onError: (error: unknown, subject: string) => void;
}

type MessageHandler = (payload: unknown, subject: string) => void | Promise<void>;
type RequestHandler = (payload: unknown, subject: string, signal: AbortSignal) => Promise<unknown>;
/** An answer as a wire would carry it. */
type Answer = { readonly json: string } | { readonly error: SerializedError };

/** A Bus within one process. Payloads and errors are written to JSON once and read by each receiver, so that whatever works here works
 * over a network. */
export class MemoryBus implements Bus {
  readonly #onError: (error: unknown, subject: string) => void;
  readonly #subscribers = new Listeners<MessageHandler>();
  readonly #responders = new Listeners<RequestHandler>();
  readonly #queue = new DeliveryQueue();
  /** Ends each call that waits. */
  readonly #waiting = new Set<(error: HeimdexError) => void>();
  #isClosed = false;

  constructor(options: MemoryBusOptions) {
    this.#onError = options.onError;
  }

  async publish(subject: string, payload: unknown): Promise<void> {
    this.#checkOpen();
    checkSubject(subject);
    const json = encodePayload(subject, payload);
    const groups = new Map<string, Listener<MessageHandler>[]>();
    for (const listener of this.#subscribers.matching(subject)) {
      const { group } = listener;
      if (group === undefined) this.#queue.add(() => this.#deliver(listener, subject, json));
      else if (groups.has(group)) groups.get(group)?.push(listener);
      else groups.set(group, [listener]);
    }
    // Who of the group gets it is decided on delivery: a member that has left by then must not take it along.
    for (const [group, members] of groups)
      this.#queue.add(() => this.#deliver(this.#subscribers.next(group, members), subject, json));
  }

  async subscribe(subject: string, handler: MessageHandler, options: { group?: string } = {}): Promise<Subscription> {
    this.#checkOpen();
    return subscription(this.#subscribers, this.#subscribers.add(subject, handler, options.group));
  }

  async respond(subject: string, handler: RequestHandler): Promise<Subscription> {
    this.#checkOpen();
    return subscription(this.#responders, this.#responders.add(subject, handler, RESPONDERS));
  }

  /** There is nothing between sender and receiver that could be lost. */
  onReconnect(): Disposable {
    return { [Symbol.dispose]() {} };
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
    const responders = this.#responders.matching(subject);
    if (responders.length === 0) throw noResponder(subject);

    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const over = new AbortController();
    const onAbort = () => reject(signal?.reason);
    signal?.addEventListener("abort", onAbort, { once: true });
    const timer = setTimeout(
      () => reject(new HeimdexError("BUS_TIMEOUT", `no answer to ${subject} within ${timeoutMs} ms`)),
      timeoutMs,
    );
    this.#waiting.add(reject);
    this.#queue.add(() => {
      if (over.signal.aborted) return;
      const responder = this.#responders.next(RESPONDERS, responders);
      if (responder === undefined) reject(noResponder(subject));
      else
        void answer(responder.handler, subject, json, over.signal).then((given) =>
          this.#queue.add(() => {
            if ("error" in given) reject(HeimdexError.fromJSON(given.error));
            else resolve(JSON.parse(given.json));
          }),
        );
    });
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      this.#waiting.delete(reject);
      over.abort(new HeimdexError("CANCELLED", `nobody waits for the answer to ${subject} any more`));
    }
  }

  /** Messages not yet delivered are dropped: nothing durable rests on them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#subscribers.clear();
    this.#responders.clear();
    for (const reject of [...this.#waiting]) reject(closed());
  }

  #deliver(listener: Listener<MessageHandler> | undefined, subject: string, json: string): void {
    if (!listener?.live) return;
    // An async function, so that a handler that throws and one that rejects end the same way.
    const run = async () => listener.handler(JSON.parse(json), subject);
    run().catch((error) => this.#onError(error, subject));
  }

  #checkOpen(): void {
    if (this.#isClosed) throw closed();
  }
}

/** All responders are of one group, so that a request matched by two patterns is still answered once. */
const RESPONDERS = "";

function subscription<H>(listeners: Listeners<H>, listener: Listener<H>): Subscription {
  return {
    async [Symbol.asyncDispose]() {
      listeners.remove(listener);
    },
  };
}

async function answer(handler: RequestHandler, subject: string, json: string, signal: AbortSignal): Promise<Answer> {
  try {
    return { json: encodePayload(subject, await handler(JSON.parse(json), subject, signal)) };
  } catch (error) {
    return { error: HeimdexError.from(error).toJSON() };
  }
}

function noResponder(subject: string): HeimdexError {
  return new HeimdexError("BUS_NO_RESPONDER", `nobody answers ${subject}`, { metadata: { subject } });
}

function closed(): HeimdexError {
  return new HeimdexError("BUS_CLOSED", "the bus is closed");
}
