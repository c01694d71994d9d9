import type { Fence } from "@heimdex/kernel";

/** A lease this process watches. Times are Unix ms by this process's own clock. */
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
  /** What the session's document said when it was last looked at, by the clock of whoever wrote it: only that it changes means anything. */
  heard: { readonly untilMs: number; readonly progressAtMs: number } | undefined;
  /** Its worker may have put uploads there, which end with it. */
  uploads: boolean;
  /** An earlier worker that had the step was not heard of again. */
  readonly suspect: boolean;
  readonly stallMs: number;
  /** The attempt ends then, whatever happens. */
  deadlineMs: number;
}

export type Overdue = "EXPIRED" | "STALLED" | "TIMED_OUT";

/** Leases under way, by id. In memory; rebuilt from the jobs at start. */
export class LeaseTable {
  readonly #leases = new Map<string, WatchedLease>();
  readonly #onRemoved: (lease: WatchedLease) => void;

  /** @param onRemoved hears of every lease that ended, however it did */
  constructor(onRemoved: (lease: WatchedLease) => void) {
    this.#onRemoved = onRemoved;
  }

  add(lease: WatchedLease): void {
    this.#leases.set(lease.fence.lease, lease);
  }
  get(id: string): WatchedLease | undefined {
    return this.#leases.get(id);
  }
  remove(id: string): void {
    const lease = this.#leases.get(id);
    if (lease !== undefined && this.#leases.delete(id)) this.#onRemoved(lease);
  }
  get size(): number {
    return this.#leases.size;
  }
  ofSession(session: string): WatchedLease[] {
    return [...this.#leases.values()].filter((lease) => lease.session === session);
  }
  /** Whether a session holds the lease of a suspect. */
  hasSuspect(session: string): boolean {
    for (const lease of this.#leases.values()) if (lease.suspect && lease.session === session) return true;
    return false;
  }
  ofJob(job: string): WatchedLease[] {
    return [...this.#leases.values()].filter((lease) => lease.job === job);
  }

  /** Leases that are over, and why. */
  over(nowMs: number): { lease: WatchedLease; why: Overdue }[] {
    return [...this.#leases.values()].flatMap((lease) => {
      const why = overdue(lease, nowMs);
      return why === undefined ? [] : [{ lease, why }];
    });
  }

  /** Moves all clocks on: nobody could be heard for so long. */
  moveOn(ms: number): void {
    for (const lease of this.#leases.values()) {
      lease.expiresAtMs += ms;
      lease.progressAtMs += ms;
      lease.deadlineMs += ms;
    }
  }
}

/** Why a lease is over; undefined while it is not. */
export function overdue(lease: WatchedLease, nowMs: number): Overdue | undefined {
  if (nowMs >= lease.expiresAtMs) return "EXPIRED";
  if (nowMs >= lease.deadlineMs) return "TIMED_OUT";
  if (nowMs >= lease.progressAtMs + lease.stallMs) return "STALLED";
  return undefined;
}
