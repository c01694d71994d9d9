import { setTimeout as delay } from "node:timers/promises";

/** Between two tries, ms. */
const AGAIN_AFTER_MS = 500;

/** Asks again for as long as a server is away, up to `patienceMs`.
 * @returns undefined when aborted */
export async function untilAnswered<T>(ask: () => Promise<T>, patienceMs: number): Promise<T>;
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  patienceMs: number,
  signal: AbortSignal,
): Promise<T | undefined>;
export async function untilAnswered<T>(
  ask: () => Promise<T>,
  patienceMs: number,
  signal?: AbortSignal,
): Promise<T | undefined> {
  for (const giveUpMs = performance.now() + patienceMs; ; await delay(AGAIN_AFTER_MS)) {
    try {
      return await ask();
    } catch (reason) {
      if (signal?.aborted) return undefined;
      if (performance.now() > giveUpMs) throw reason;
    }
  }
}
