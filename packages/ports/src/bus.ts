/** Messages and request-reply between services. Nothing is kept and nothing durable rests on it: a lost message is healed by a sweep, a request fails and is repeated
 * or given up. Payloads are plain JSON of at most 1 MiB (`undefined` arrives as `null`), and every receiver gets a copy of its own, never in the
 * caller's turn. Subjects are dot-separated tokens; in subscriptions and responders `*` stands for one token, a final `>` for one or more. Malformed
 * subjects and payloads reject with INVALID_ARGUMENT. Messages reach subscribers only, requests responders only. Calls reject with BUS_UNAVAILABLE while the bus cannot be
 * reached, and with BUS_CLOSED after disposal; so do those that wait then. */
export interface Bus extends AsyncDisposable {
  /** Fire and forget: resolves when handed over, and reaches those that listen just then. */
  publish(subject: string, payload: unknown): Promise<void>;
  /** Calls `handler` for every message that is published once this has resolved, none after the subscription's disposal. With `group`, each message reaches one subscriber of that group.
   * An error of the handler goes to `onError` of the bus and never to the publisher. */
  subscribe(
    subject: string,
    handler: (payload: unknown, subject: string) => void | Promise<void>,
    options?: { group?: string },
  ): Promise<Subscription>;
  /** Asks; one responder of the subject answers. Rejects with BUS_NO_RESPONDER at once when nobody listens, BUS_TIMEOUT after `timeoutMs`,
   * the responder's HeimdexError as it threw it, and `signal.reason` when aborted. */
  request(subject: string, payload: unknown, options: { timeoutMs: number; signal?: AbortSignal }): Promise<unknown>;
  /** Answers requests of a subject. Responders of one subject form a group: each request reaches one of them. One that ends (its subscription is disposed) still answers
   * what has reached it; none reaches it once that has resolved. The handler's
   * `signal` aborts when the time of the request is up, and when the bus closes. An error that is no HeimdexError arrives as INTERNAL. */
  respond(
    subject: string,
    handler: (payload: unknown, subject: string, signal: AbortSignal) => Promise<unknown>,
  ): Promise<Subscription>;
  /** Calls `handler` each time that the bus can be reached again after it could not: messages of the time between may be lost. Until it is disposed. */
  onReconnect(handler: () => void): Disposable;
}

export interface Subscription extends AsyncDisposable {}
