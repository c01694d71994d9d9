/** Hints and request-reply between services. Nothing durable rests on it: a lost message or hint is healed by a sweep, a request fails and is repeated
 * or given up. Payloads are plain JSON of at most 1 MiB (`undefined` arrives as `null`), and every receiver gets a copy of its own, never in the
 * caller's turn. Subjects are dot-separated tokens; in subscriptions and responders `*` stands for one token, a final `>` for one or more. Malformed
 * subjects, ids and payloads reject with INVALID_ARGUMENT. Messages reach subscribers only, requests responders only. Calls reject with BUS_UNAVAILABLE while the bus cannot be
 * reached, and with BUS_CLOSED after disposal; so do those that wait then. */
export interface Bus extends AsyncDisposable {
  /** Fire and forget. Resolves when handed over; with `id`, of 1 to 256 characters, when it is in the log that the bus may keep of what is published
   * below `events`, and only there it may be given. The log takes an id once within two minutes, so whoever cannot know whether it published an
   * event does so again under the same id. Subscribers may get the repetition. */
  publish(subject: string, payload: unknown, options?: { id?: string }): Promise<void>;
  /** Puts a hint into the queue of its subject, where it waits for one who takes it: at most `HINT_AGE_MS`. While one of the same id (1 to 256
   * characters) waits there, and when the bus is full of hints, nothing happens. */
  offer(subject: string, id: string, payload: unknown): Promise<void>;
  /** Takes the oldest hint out of the queue of a subject, or the next to come. Resolves with undefined when there was none for `timeoutMs`. A hint
   * goes to one taker and is gone then; when that process or the bus ends at that moment it may be lost, or given again. Rejects with
   * `signal.reason` when aborted, which takes no hint away from others (it may reach them some seconds late). */
  take(subject: string, options: { timeoutMs: number; signal?: AbortSignal }): Promise<unknown>;
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
}

export interface Subscription extends AsyncDisposable {}

/** How long a hint waits to be taken, at most. */
export const HINT_AGE_MS = 600_000;
