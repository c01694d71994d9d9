import { setTimeout as delay } from "node:timers/promises";
import { FetchFailure } from "./fetch-failure.ts";
import type { FetchLimits } from "./fetch-limits.ts";

/** Tries until it works, with growing pauses or those the server asks for. What is not transient is thrown at once, and the last
 * failure when `limits.attempts` in a row brought nothing on.
 * @param work answers, or throws a FetchFailure
 * @param gained whether the try that failed brought something on nevertheless; then it does not count
 * @param onProblem told before each pause */
export async function retried<T>(
  work: () => Promise<T>,
  limits: FetchLimits,
  onProblem: (text: string) => void,
  signal?: AbortSignal,
  gained: () => boolean = () => false,
): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await work();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof FetchFailure) || !error.transient) throw error;
      if (gained()) failures = 1;
      if (failures >= limits.attempts || (error.retryAfterMs ?? 0) > limits.longestWaitMs) throw error;
      const pauseMs = error.retryAfterMs ?? pauseAfter(failures, limits);
      onProblem(`${error.message}; tried again in ${Math.ceil(pauseMs / 1000)} s`);
      await delay(pauseMs, undefined, { signal });
    }
  }
}

/** Doubling, capped, the second half of it at random so that many clients do not come back at once. */
function pauseAfter(failures: number, { firstPauseMs, longestPauseMs }: FetchLimits): number {
  return Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}
