import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Slowness } from "./slowness.ts";

/** Keeps the processor from this process's timers. */
function hang(ms: number): void {
  for (const untilMs = performance.now() + ms; performance.now() < untilMs; );
}

test("a time is stretched while timers are late, also before the first of them has come, and by what was since", async () => {
  using slowness = new Slowness();
  await delay(60);
  const sinceMs = performance.now();
  hang(450);
  assert.ok(slowness.stretched(1_000) >= 2_900, "400 ms late: three times as long");
  await delay(60);
  assert.ok(slowness.stretched(1_000, sinceMs) >= 2_900);
  assert.ok(slowness.stretched(1_000, performance.now()) < slowness.stretched(1_000, sinceMs));
  assert.ok(slowness.stretched(1_000, performance.now()) >= 1_000);
});
