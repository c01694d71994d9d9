import type { Fence } from "@heimdex/kernel";

/** A lease this process watches. Times are Unix ms. */
export interface WatchedLease {
  readonly job: string;
  readonly stage: string;
  readonly tenant: string;
  readonly session: string;
  readonly fence: Fence;
  /** Grows with renewals. */
  expiresAtMs: number;
  /** Last change of progress. */
  progressAtMs: number;
  lastProgress: string;
  readonly stallMs: number;
  /** The attempt ends then, whatever happens. */
  readonly deadlineMs: number;
}

/** Leases under way, by id. In memory; rebuilt from the jobs at start. */
export class LeaseTable {
  readonly #leases = new Map<string, WatchedLease>();
  readonly #onRemoved: () => void;

  /** @param onRemoved hears of every lease that ends */
  constructor(onRemoved: () => void = () => {}) {
    this.#onRemoved = onRemoved;
  }

  add(lease: WatchedLease): void {
    this.#leases.set(lease.fence.lease, lease);
  }
  get(id: string): WatchedLease | undefined {
    return this.#leases.get(id);
  }
  remove(id: string): void {
    if (this.#leases.delete(id)) this.#onRemoved();
  }
  get size(): number {
    return this.#leases.size;
  }
  ofSession(session: string): WatchedLease[] {
    return [...this.#leases.values()].filter((lease) => lease.session === session);
  }
  ofJob(job: string): WatchedLease[] {
    return [...this.#leases.values()].filter((lease) => lease.job === job);
  }
  /** Leases that are over, and why. */
  over(nowMs: number): { lease: WatchedLease; why: "EXPIRED" | "STALLED" | "TIMED_OUT" }[] {
    const over: { lease: WatchedLease; why: "EXPIRED" | "STALLED" | "TIMED_OUT" }[] = [];
    for (const lease of this.#leases.values()) {
      if (nowMs >= lease.expiresAtMs) over.push({ lease, why: "EXPIRED" });
      else if (nowMs >= lease.deadlineMs) over.push({ lease, why: "TIMED_OUT" });
      else if (nowMs >= lease.progressAtMs + lease.stallMs) over.push({ lease, why: "STALLED" });
    }
    return over;
  }
}
