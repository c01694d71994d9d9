import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

/** Far longer than anything takes that tests wait for. */
const PATIENCE_MS = 120_000;
const LOOK_EVERY_MS = 10;

/** Waits until `look` finds something. */
export async function until<R>(what: string, look: () => Promise<R | undefined>): Promise<R> {
  for (const giveUpMs = performance.now() + PATIENCE_MS; performance.now() < giveUpMs; ) {
    const found = await look();
    if (found !== undefined) return found;
    await delay(LOOK_EVERY_MS);
  }
  return assert.fail(`waited ${PATIENCE_MS} ms until ${what}`);
}
