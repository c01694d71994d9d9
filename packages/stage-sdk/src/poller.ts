import { randomUUID } from "node:crypto";
import { AcquireLeasesRequest_Lane, type Lease } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import { backoffMs, pause } from "./backoff.ts";
import { callFailure } from "./connection.ts";
import { durationOf } from "./duration.ts";
import type { Lane } from "./lane.ts";
import type { SessionLink } from "./session-link.ts";

/** How much longer than the server holds a poll its answer is waited for. */
const ANSWER_MARGIN_MS = 5_000;
/** The server gives the same leases for the same request id this long. */
const REQUEST_ID_LIFE_MS = 60_000;
const MAX_COUNT = 256;
/** An empty answer sooner than this is a server in some trouble: asking again at once would make it worse. */
const HASTY_MS = 50;
const HASTY_PAUSE_MS = 100;

export interface PollerOptions {
  readonly lane: "BATCH" | "INTERACTIVE";
  readonly maxWaitMs: number;
  readonly mountProof: string;
  /** Too much waits to be sent: ask for nothing for now. */
  readonly congested: () => boolean;
  /** Called in one go with all leases of an answer; must take their slots. */
  readonly onLeases: (leases: readonly Lease[]) => void;
  readonly onDrain: () => void;
}

/** Asks for work, for exactly the slots that are free.
 *
 * A stage is named in at most one poll at a time. While that poll is parked there is no work for the stage, and slots that become free meanwhile would
 * get none either: they wait for its answer. So a slot that becomes free costs a call only when its stage had none free before, slots freed within one
 * turn of the event loop are asked for together, and the busier a worker is the more leases one call brings. A stage whose first slot becomes free
 * while others are parked gets a poll of its own: there are never more polls than stages, and never more asked for than free.
 *
 * In the interactive lane each slot has a poll of its own: a request finds one parked also while the answer to another poll is on its way. */
export class Poller {
  readonly #link: SessionLink;
  readonly #options: PollerOptions;
  readonly #lanes: Lane[] = [];
  /** Slots named in polls under way, by stage. */
  readonly #asked = new Map<Lane, number>();
  readonly #closed = new AbortController();
  #scheduled: NodeJS.Immediate | undefined;

  constructor(link: SessionLink, options: PollerOptions) {
    this.#link = link;
    this.#options = options;
    link.ended.addEventListener("abort", () => this.close(), { once: true });
  }

  add(lane: Lane): void {
    if (!this.#lanes.includes(lane)) this.#lanes.push(lane);
    lane.watch(() => this.wake());
    this.wake();
  }

  /** Looks again for free slots, at the end of this turn of the event loop. */
  wake(): void {
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.#ask();
    });
  }

  /** Asks for nothing more. Leases in an answer that is now lost go back when the session closes. */
  close(): void {
    this.#closed.abort();
  }

  #ask(): void {
    if (this.#closed.signal.aborted || this.#options.congested()) return;
    if (this.#options.lane === "INTERACTIVE") {
      for (const lane of this.#lanes)
        for (let left = lane.free - this.#askedOf(lane); left > 0; left--) void this.#poll([{ lane, count: 1 }]);
      return;
    }
    const free = this.#lanes
      .filter((lane) => this.#askedOf(lane) === 0 && lane.free > 0)
      .map((lane) => ({ lane, count: Math.min(lane.free, MAX_COUNT) }));
    if (free.length > 0) void this.#poll(free);
  }

  #askedOf(lane: Lane): number {
    return this.#asked.get(lane) ?? 0;
  }

  async #poll(free: readonly { lane: Lane; count: number }[]): Promise<void> {
    for (const { lane, count } of free) this.#asked.set(lane, this.#askedOf(lane) + count);
    const sent = performance.now();
    try {
      const answer = await this.#answer(free.map(({ lane, count }) => ({ stage: lane.stage, count })));
      this.#options.onLeases(answer.leases);
      if (answer.drain) this.#options.onDrain();
      const hasty =
        answer.leases.length === 0 && performance.now() - sent < Math.min(HASTY_MS, this.#options.maxWaitMs / 2);
      if (hasty) await pause(HASTY_PAUSE_MS, this.#closed.signal);
    } catch (reason) {
      if (this.#closed.signal.aborted) return;
      this.#link.log.error({ err: reason }, "asking for work was refused");
      await pause(backoffMs(99), this.#closed.signal);
    } finally {
      for (const { lane, count } of free) this.#asked.set(lane, this.#askedOf(lane) - count);
    }
    this.#ask();
  }

  /** Repeats the same request, so that an answer that was lost costs no lease. */
  async #answer(slots: { stage: string; count: number }[]) {
    const { lane, maxWaitMs, mountProof } = this.#options;
    let request = { id: randomUUID() as string, since: performance.now() };
    for (let failures = 1; ; failures++) {
      try {
        return await this.#link.call(
          ({ work }, options) =>
            work.acquireLeases(
              {
                session: this.#link.id,
                requestId: request.id,
                slots,
                wait: durationOf(maxWaitMs),
                mountProof,
                lane: AcquireLeasesRequest_Lane[lane],
              },
              options,
            ),
          maxWaitMs + ANSWER_MARGIN_MS,
          this.#closed.signal,
        );
      } catch (reason) {
        if (this.#closed.signal.aborted || !(reason instanceof HeimdexError) || callFailure(reason) !== "away")
          throw reason;
        await pause(backoffMs(failures), this.#closed.signal);
        if (performance.now() - request.since > REQUEST_ID_LIFE_MS)
          request = { id: randomUUID(), since: performance.now() };
      }
    }
  }
}
