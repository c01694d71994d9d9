import { HeimdexError } from "@heimdex/errors";
import { activeTerm } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";

/** When to ask again for a job: some will have ended by then. */
const RETRY_AFTER_MS = 5_000;
/** So long a count is gone by, ms: counting all that waits at every call would make a long queue slow to fill. */
const COUNTED_FOR_MS = 1_000;

interface Counted {
  readonly count: Promise<number>;
  readonly atMs: number;
  /** Let through since. */
  taken: number;
}

/** Takes a tenant's jobs only as long as not too many wait. Other replicas may let some through at the same time, so it may end up a few above. */
export class JobQuota {
  readonly #catalog: Catalog;
  readonly #most: number;
  readonly #counted = new Map<string, Counted>();

  /** @param most 0: no limit */
  constructor(catalog: Catalog, most: number) {
    this.#catalog = catalog;
    this.#most = most;
  }

  /** Takes a place for a job. Nobody is refused but after a count of just now.
   * @throws HeimdexError QUOTA_EXCEEDED, with when to come again */
  async take(tenant: string): Promise<void> {
    if (this.#most === 0) return;
    const known = this.#counted.get(tenant);
    const isFresh = known !== undefined && performance.now() - known.atMs < COUNTED_FOR_MS;
    if (isFresh && (await this.#hasRoom(known))) return;
    if (await this.#hasRoom(this.#count(tenant))) return;
    throw new HeimdexError(
      "QUOTA_EXCEEDED",
      `${this.#most} jobs have not ended yet, and no more are taken until some have`,
      { retryAfterMs: RETRY_AFTER_MS, metadata: { limit: String(this.#most) } },
    );
  }

  #count(tenant: string): Counted {
    const count = this.#catalog.count("jobs", activeTerm(tenant));
    const counted = { count, atMs: performance.now(), taken: 0 };
    this.#counted.set(tenant, counted);
    // Whoever asked gets the failure; the next one counts again.
    count.catch(() => this.#counted.delete(tenant));
    return counted;
  }

  async #hasRoom(counted: Counted): Promise<boolean> {
    if ((await counted.count) + counted.taken >= this.#most) return false;
    counted.taken++;
    return true;
  }
}
