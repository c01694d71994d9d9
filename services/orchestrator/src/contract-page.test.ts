import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { DEFAULT_ORCHESTRATOR_CONFIG } from "./config.ts";

const page = readFileSync(new URL("../../../docs/reference/stage-contract.md", import.meta.url), "utf8");

test("the contract's page names the times and tries that this server has by default", () => {
  const { acceptWithinMs, renewEveryMs, leaseTtlMs, maxWaitMs, retry } = DEFAULT_ORCHESTRATOR_CONFIG;
  const rows = [...page.matchAll(/^\| `(\w+)` \| (\d+) s \|/gm)].map(([, name, seconds]) => [
    name,
    Number(seconds) * 1000,
  ]);
  assert.deepEqual(Object.fromEntries(rows), {
    accept_within: acceptWithinMs,
    renew_every: renewEveryMs,
    lease_ttl: leaseTtlMs,
    max_wait: maxWaitMs,
  });
  assert.match(page, new RegExp(`^\\| \`RETRYABLE\` .* yes: ${retry.attempts} in all \\|$`, "m"));
  assert.match(page, new RegExp(`^\\| \`RESOURCE\` .* yes: ${retry.resourceAttempts} in all \\|$`, "m"));
  assert.match(page, new RegExp(`Pauses grow from ${retry.baseMs / 1000} s to at most ${retry.capMs / 1000} s`));
  assert.equal(retry.losses, 3);
  assert.match(page, /^\| lost \| READY at once; the third time FAILED, `LOST_REPEATEDLY` \|/m);
});
