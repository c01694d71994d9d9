import { setTimeout as delay } from "node:timers/promises";
import { HeimdexError } from "@heimdex/errors";
import type { Log } from "@heimdex/telemetry";

/** The first pause; each next one is twice as long, up to the longest. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5_000;

/** Opens what a server gives, and goes on trying for as long as that one cannot be reached: services and their servers may start in any order. Says what it waits
 * for whenever the reason changes. Whatever is no question of time (a wrong password, newer data, a malformed setting) rejects at once.
 * @param what for people: `the catalog`
 * @param pause waits so many ms. Default: a timer */
export async function untilServed<T>(
  what: string,
  open: () => Promise<T>,
  log: Pick<Log, "info" | "warn">,
  signal: AbortSignal,
  pause: (ms: number, signal: AbortSignal) => Promise<unknown> = (ms) => delay(ms, undefined, { signal }),
): Promise<T> {
  let said = "";
  for (let tries = 0; ; tries++) {
    signal.throwIfAborted();
    try {
      const opened = await open();
      if (said !== "") log.info({}, `${what} is there`);
      return opened;
    } catch (reason) {
      const error = HeimdexError.from(reason);
      if (error.code !== "UNAVAILABLE") throw error;
      if (error.message !== said) log.warn({ error: error.id }, `waiting for ${what}: ${error.message}`);
      said = error.message;
    }
    await pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(tries, 10)), signal);
  }
}
