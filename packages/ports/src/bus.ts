/** Hints and request-reply between services. Nothing durable rests on it: a lost message is healed by a sweep, a request fails and is repeated
 * or given up. Payloads are plain JSON of at most 1 MiB. Subjects are dot-separated tokens; `*` stands for one token, a final `>` for the rest. */
export interface Bus extends AsyncDisposable {
  /** Fire and forget. Resolves when handed over. */
  publish(subject: string, payload: unknown): Promise<void>;
  /** Calls `handler` for every matching message from now on. With `group`, each message reaches one subscriber of that group.
   * An error of the handler goes to `onError` of the bus and never to the publisher. */
  subscribe(
    subject: string,
    handler: (payload: unknown, subject: string) => void | Promise<void>,
    options?: { group?: string },
  ): Promise<Subscription>;
  /** Asks; one responder of the subject answers. Rejects with BUS_NO_RESPONDER at once when nobody listens, BUS_TIMEOUT after `timeoutMs`,
   * the responder's HeimdexError as it threw it, and `signal.reason` when aborted. */
  request(subject: string, payload: unknown, options: { timeoutMs: number; signal?: AbortSignal }): Promise<unknown>;
  /** Answers requests of a subject. Responders of one subject form a group: each request reaches one of them. */
  respond(
    subject: string,
    handler: (payload: unknown, subject: string, signal: AbortSignal) => Promise<unknown>,
  ): Promise<Subscription>;
}

export interface Subscription extends AsyncDisposable {}
