import type { Lease as LeaseMessage } from "@heimdex/contracts/stage/v1/work_service";
import type { SessionRecord } from "@heimdex/kernel";
import type { ReadyStep } from "./scheduler.ts";

/** Largest answer to a poll, bytes by estimate: gRPC's wall is at 4 MiB. */
const MAX_ANSWER_BYTES = 3_000_000;
const BYTES_PER_LEASE = 500;
const BYTES_PER_ARTIFACT = 700;

/** A request for work, and the answer to it that is being filled. It is open until its first lease is written, its time is over or its worker has gone;
 * then it takes no more steps, and is answered when those it has are leases or are none: what is written together is answered together. */
export class Poll {
  readonly session: SessionRecord;
  /** What the session offers, by stage. */
  readonly offers: ReadonlyMap<string, string>;
  readonly requestId: string;
  /** Slots by stage that nothing is meant for yet. The scheduler's to change. */
  readonly slots: Map<string, number>;
  /** The leases; rejects when there are none, and one failed by a fault of ours. */
  readonly answered: Promise<LeaseMessage[]>;
  readonly #take: (poll: Poll, step: ReadyStep) => void;
  readonly #onClosed: (poll: Poll) => void;
  readonly #answer: PromiseWithResolvers<LeaseMessage[]>;
  readonly #leases: LeaseMessage[] = [];
  /** Steps of which it is not known yet whether they become leases. */
  #underWay = 0;
  #bytes = 0;
  #fault: unknown;
  #open = true;

  /** @param take leases a step that the scheduler gave; must call `ended`
   * @param onClosed called once */
  constructor(
    asked: Pick<Poll, "session" | "offers" | "requestId"> & { readonly slots: ReadonlyMap<string, number> },
    take: (poll: Poll, step: ReadyStep) => void,
    onClosed: (poll: Poll) => void,
  ) {
    this.session = asked.session;
    this.offers = asked.offers;
    this.requestId = asked.requestId;
    this.slots = new Map(asked.slots);
    this.#take = take;
    this.#onClosed = onClosed;
    this.#answer = Promise.withResolvers();
    this.answered = this.#answer.promise;
  }

  get open(): boolean {
    return this.#open;
  }

  /** A step is meant for it: `ended` is to come. */
  begun(): void {
    this.#underWay++;
  }

  /** Leases a step that was begun. */
  take(step: ReadyStep): void {
    this.#take(this, step);
  }

  /** Keeps room in the answer. False when there is none: it is closed then. */
  reserve({ config, inputs }: LeaseMessage): boolean {
    const inline = inputs.reduce(
      (sum, { content }) => sum + BYTES_PER_ARTIFACT + (content?.$case === "inline" ? content.value.byteLength : 0),
      0,
    );
    const bytes = BYTES_PER_LEASE + config.length + inline;
    if (this.#bytes > 0 && this.#bytes + bytes > MAX_ANSWER_BYTES) {
      this.close();
      return false;
    }
    this.#bytes += bytes;
    return true;
  }

  /** A step that was begun is a lease, or is none.
   * @param fault of ours, why it is none */
  ended(lease: LeaseMessage | undefined, fault?: unknown): void {
    this.#underWay--;
    if (lease !== undefined) this.#leases.push(lease);
    this.#fault ??= fault;
    if (lease !== undefined || fault !== undefined) this.close();
    this.#settle();
  }

  close(): void {
    if (this.#open) {
      this.#open = false;
      this.#onClosed(this);
    }
    this.#settle();
  }

  #settle(): void {
    if (this.#open || this.#underWay > 0) return;
    if (this.#leases.length > 0 || this.#fault === undefined) this.#answer.resolve(this.#leases);
    else this.#answer.reject(this.#fault);
  }
}
