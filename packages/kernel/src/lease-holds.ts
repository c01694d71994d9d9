import type { Fence, Lease } from "./job.ts";

/** May the worker that shows `held` still write to the step? Pure: the clock comes in. Times are Unix ms, half-open.
 * Invariant: at one instant at most one fence holds.
 * @param renewedUntilMs what its session's last renewal gave it, 0 before the first; the later expiry counts */
export function leaseHolds(lease: Lease | undefined, held: Fence, renewedUntilMs: number, nowMs: number): boolean {
  if (lease?.id !== held.lease || lease.epoch !== held.epoch) return false;
  return nowMs < Math.max(lease.expiresAtMs, renewedUntilMs);
}
