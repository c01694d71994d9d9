import {
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamClient,
  jetstream,
  jetstreamManager,
  StorageType,
} from "@nats-io/jetstream";
import { type NatsConnection, nanos } from "@nats-io/transport-node";
import type { Subjects } from "./subjects.ts";

/** How long an event is kept, ms, and how many bytes of them: the oldest go first. */
const KEPT_MS = 7 * 24 * 3_600_000;
const KEPT_BYTES = 256 * 1024 * 1024;
/** `EventLog`'s promise. */
const DUPLICATE_WINDOW_MS = 2 * 60_000;
/** `err_code` of JetStream: a stream of that name has another configuration. */
const STREAM_NAME_IN_USE = 10058;

/** The stream of JetStream that keeps events: `<prefix>_events`, on disk. */
export class EventStream {
  readonly #connection: NatsConnection;
  readonly #subjects: Subjects;
  readonly #options;
  readonly #client: JetStreamClient;

  constructor(connection: NatsConnection, subjects: Subjects, timeoutMs: number) {
    this.#connection = connection;
    this.#subjects = subjects;
    // Asking what the account may do would need a permission of its own.
    this.#options = { timeout: timeoutMs, checkAPI: false };
    this.#client = jetstream(connection, this.#options);
  }

  /** One that is there stays as it is, so that whoever runs the server may change how much it keeps. Rejects as NATS's client does. */
  async declare(): Promise<void> {
    const { streams } = await jetstreamManager(this.#connection, this.#options);
    try {
      await streams.add({
        name: this.#subjects.eventStream,
        description: "What happened in Heimdex, as CloudEvents",
        subjects: [this.#subjects.allEvents],
        storage: StorageType.File,
        max_age: nanos(KEPT_MS),
        max_bytes: KEPT_BYTES,
        discard: DiscardPolicy.Old,
        duplicate_window: nanos(DUPLICATE_WINDOW_MS),
      });
    } catch (reason) {
      if (!(reason instanceof JetStreamApiError && reason.code === STREAM_NAME_IN_USE)) throw reason;
    }
  }

  /** Resolves when the message is stored, or was under that id. Rejects as NATS's client does. */
  async append(subject: string, json: string, id: string): Promise<void> {
    const append = () => this.#client.publish(subject, json, { msgID: id });
    try {
      await append();
    } catch (reason) {
      if (!isUnheard(reason)) throw reason;
      await this.declare(); // the server has lost it, or never had it
      await append();
    }
  }
}

/** Nobody takes what is published: the server has lost the stream, or has no JetStream. NATS's client does not export the class. */
export function isUnheard(reason: unknown): boolean {
  return reason instanceof Error && reason.name === "JetStreamNotEnabled";
}
