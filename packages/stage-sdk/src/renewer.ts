import { RenewalAnswer_Verdict } from "@heimdex/contracts/stage/v1/work_service";
import { backoffMs } from "./backoff.ts";
import type { HeldLease } from "./held-lease.ts";
import type { SessionLink } from "./session-link.ts";

/** When a new lease is first renewed, unless it is finished by then. */
const FIRST_MS = 2_000;

export interface RenewerOptions {
  readonly renewEveryMs: number;
  readonly acceptWithinMs: number;
  readonly leaseTtlMs: number;
  readonly onDrain: () => void;
}

/** Renews all leases of a session on a timer of its own. It also runs when none is held: that is how the server knows that an idle worker lives.
 * The timer shares the event loop with the stage's code: a stage that blocks it for longer than the server waits loses its leases. */
export class Renewer {
  readonly #link: SessionLink;
  readonly #held: ReadonlyMap<string, HeldLease>;
  readonly #options: RenewerOptions;
  readonly #firstMs: number;
  #timer: NodeJS.Timeout | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #calling = false;
  #failures = 0;

  constructor(link: SessionLink, held: ReadonlyMap<string, HeldLease>, options: RenewerOptions) {
    this.#link = link;
    this.#held = held;
    this.#options = options;
    this.#firstMs = Math.min(FIRST_MS, options.acceptWithinMs / 5, options.renewEveryMs);
    this.#dueWithin(options.renewEveryMs);
    link.ended.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /** New leases are held: they must be renewed soon. */
  received(): void {
    this.#dueWithin(this.#firstMs);
  }

  #dueWithin(ms: number): void {
    const at = performance.now() + ms;
    if (at >= this.#dueAt || this.#link.ended.aborted) return;
    this.#dueAt = at;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#renew(), ms);
  }

  async #renew(): Promise<void> {
    this.#dueAt = Number.POSITIVE_INFINITY;
    if (this.#calling) return;
    this.#calling = true;
    const listed = this.#live();
    try {
      const answer = await this.#link.call(
        ({ work }, options) =>
          work.renewLeases({ session: this.#link.id, renewals: listed.map((held) => held.renewal()) }, options),
        Math.max(100, Math.min(10_000, this.#options.leaseTtlMs / 3)),
      );
      this.#failures = 0;
      for (const { lease, verdict } of answer.answers) {
        // A lease that ended while the call was under way is not held any more, and its verdict says nothing new.
        if (verdict === RenewalAnswer_Verdict.CANCEL) this.#held.get(lease)?.stop("cancelled");
        else if (verdict === RenewalAnswer_Verdict.LOST) this.#held.get(lease)?.stop("lost");
      }
      if (answer.drain) this.#options.onDrain();
    } catch (reason) {
      if (this.#link.ended.aborted) return;
      this.#failures += 1;
      this.#link.log.debug({ err: reason }, "renewal failed");
    } finally {
      this.#calling = false;
    }
    const { renewEveryMs } = this.#options;
    this.#dueWithin(this.#failures === 0 ? renewEveryMs : Math.min(renewEveryMs, backoffMs(this.#failures)));
    // Leases that came while the call was under way are not in it.
    if (this.#live().some((held) => !listed.includes(held))) this.received();
  }

  /** Nothing more is said about a lost lease, though its stage may not have ended yet. */
  #live(): HeldLease[] {
    return [...this.#held.values()].filter((held) => held.stopped !== "lost");
  }
}
