import { setTimeout as wait } from "node:timers/promises";

const FIRST_MS = 100;
const LONGEST_MS = 5_000;

/** Pause before the next try, in ms: doubling from 100 ms to 5 s, half of it random, so that workers of a server that comes back do not come all at once.
 * @param failures how often it has failed in a row, from 1 */
export function backoffMs(failures: number, random: () => number = Math.random): number {
  const whole = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return whole / 2 + (whole / 2) * random();
}

/** Waits; returns early, without an error, when `signal` aborts. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await wait(ms, undefined, { signal });
  } catch (reason) {
    if (!signal.aborted) throw reason;
  }
}
