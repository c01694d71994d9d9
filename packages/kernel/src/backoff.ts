/** How failed steps are tried again. Times in ms. */
export interface RetryPolicy {
  /** Failed attempts a step may have; the last one fails it. */
  readonly attempts: number;
  /** Leases of one step that may be lost before it fails as LOST_REPEATEDLY. */
  readonly losses: number;
  /** Attempts in all once the last failure was RESOURCE: a machine short of memory deserves more patience than a bug. */
  readonly resourceAttempts: number;
  readonly baseMs: number;
  readonly capMs: number;
}
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  attempts: 3,
  losses: 3,
  resourceAttempts: 6,
  baseMs: 1_000,
  capMs: 60_000,
};

/** Pause before the next attempt, ms: exponential, capped, the upper half random ("equal jitter", Brooker 2015, AWS Architecture Blog), so that
 * steps that failed together do not return together and none returns at once.
 * @param failures failed attempts so far, from 1
 * @param random 0..1 */
export function backoffMs(policy: RetryPolicy, failures: number, random: number): number {
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(ceiling / 2 + (ceiling / 2) * random);
}
