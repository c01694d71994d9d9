import { HINT_AGE_MS } from "@heimdex/ports";
import {
  AckPolicy,
  type Consumer,
  DiscardPolicy,
  type JetStreamClient,
  type JetStreamManager,
  jetstream,
  jetstreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";
import { isFull, isLost, isOtherConfiguration } from "./nats-error.ts";
import type { Subjects } from "./subjects.ts";

/** The log of events: a day, at most 256 MiB, the oldest go. */
const EVENT_AGE_MS = 24 * 3_600_000;
const EVENT_BYTES = 256 * 1024 * 1024;
/** Bus's promise: an id is taken once within two minutes. */
const DUPLICATE_WINDOW_MS = 120_000;
const MAX_HINTS = 100_000;
/** Takers that may wait for the hints of one queue; the server's own default is 512. */
const MAX_TAKERS = 10_000;
/** A hint that was given to a process which ended before it said so is given again after this time. */
const ACK_WAIT_MS = 5_000;
/** The least that the server is asked to wait: what NATS's client takes. */
const MIN_EXPIRES_MS = 1_000;

/** What of the bus JetStream keeps: a log of events, and hints until somebody takes them. Streams and consumers are declared as they are needed, by
 * whoever comes first, and again when the server has lost them: nothing in them is missed for long. */
export class Streams {
  readonly #js: JetStreamClient;
  readonly #manager: JetStreamManager;
  readonly #subjects: Subjects;
  readonly #timeoutMs: number;
  readonly #consumers = new Map<string, Promise<Consumer>>();

  private constructor(js: JetStreamClient, manager: JetStreamManager, subjects: Subjects, timeoutMs: number) {
    this.#js = js;
    this.#manager = manager;
    this.#subjects = subjects;
    this.#timeoutMs = timeoutMs;
  }

  /** Rejects as NATS's client does. */
  static async open(connection: NatsConnection, subjects: Subjects, timeoutMs: number): Promise<Streams> {
    const options = { timeout: timeoutMs, checkAPI: false };
    const streams = new Streams(
      jetstream(connection, options),
      await jetstreamManager(connection, options),
      subjects,
      timeoutMs,
    );
    await streams.declare();
    return streams;
  }

  /** Makes the streams what they should be, and forgets what was known of consumers. */
  async declare(): Promise<void> {
    this.#consumers.clear();
    await Promise.all([
      this.#declareStream({
        name: this.#subjects.eventStream,
        subjects: [this.#subjects.allEvents],
        retention: RetentionPolicy.Limits,
        storage: StorageType.File,
        max_age: nanos(EVENT_AGE_MS),
        max_bytes: EVENT_BYTES,
        discard: DiscardPolicy.Old,
        duplicate_window: nanos(DUPLICATE_WINDOW_MS),
      }),
      // In memory: sweeps bring back what is lost. One message of a subject, so that a hint that waits is not queued again.
      this.#declareStream({
        name: this.#subjects.hintStream,
        subjects: [this.#subjects.allHints],
        retention: RetentionPolicy.Workqueue,
        storage: StorageType.Memory,
        max_age: nanos(HINT_AGE_MS),
        max_msgs: MAX_HINTS,
        max_msgs_per_subject: 1,
        discard: DiscardPolicy.New,
        discard_new_per_subject: true,
      }),
    ]);
  }

  /** Resolves when the event is in the log, be it from an earlier call. */
  async log(subject: string, json: string, id: string): Promise<void> {
    await this.#healed(() =>
      this.#js.publish(this.#subjects.message(subject), json, { msgID: id, timeout: this.#timeoutMs }),
    );
  }

  async offer(subject: string, id: string, json: string): Promise<void> {
    try {
      await this.#healed(() => this.#js.publish(this.#subjects.hint(subject, id), json, { timeout: this.#timeoutMs }));
    } catch (reason) {
      if (!isFull(reason)) throw reason;
    }
  }

  /** @param signal ends the wait; the caller knows why
   * @returns the hint's JSON; undefined when there was none */
  async take(subject: string, timeoutMs: number, signal: AbortSignal): Promise<string | undefined> {
    return this.#healed(async () => {
      const consumer = await this.#consumer(subject);
      if (signal.aborted) return undefined;
      const hints = await consumer.fetch({ max_messages: 1, expires: Math.max(MIN_EXPIRES_MS, timeoutMs) });
      const stop = () => hints.stop();
      signal.addEventListener("abort", stop, { once: true });
      try {
        if (signal.aborted) stop();
        for await (const hint of hints) {
          // At once: what becomes of the step is the catalog's to say.
          hint.ack();
          return hint.string();
        }
        return undefined;
      } finally {
        signal.removeEventListener("abort", stop);
        hints.stop();
      }
    });
  }

  #consumer(subject: string): Promise<Consumer> {
    const known = this.#consumers.get(subject);
    if (known !== undefined) return known;
    const declared = this.#manager.consumers
      .add(this.#subjects.hintStream, {
        durable_name: this.#subjects.consumer(subject),
        filter_subject: this.#subjects.hints(subject),
        ack_policy: AckPolicy.Explicit,
        ack_wait: nanos(ACK_WAIT_MS),
        max_waiting: MAX_TAKERS,
      })
      .then((info) => this.#js.consumers.getConsumerFromInfo(info));
    this.#consumers.set(subject, declared);
    declared.catch(() => this.#consumers.delete(subject));
    return declared;
  }

  async #declareStream(config: Partial<StreamConfig> & { name: string }): Promise<void> {
    try {
      await this.#manager.streams.add(config);
    } catch (reason) {
      // An earlier version declared it otherwise.
      if (!isOtherConfiguration(reason)) throw reason;
      await this.#manager.streams.update(config.name, config);
    }
  }

  /** Once more, after declaring everything, where the server may have lost what a call needs. */
  async #healed<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (reason) {
      if (!isLost(reason)) throw reason;
      await this.declare();
      return call();
    }
  }
}
