import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { type DataGrant, openGrant, signGrant } from "./signed-url.ts";

const grant: DataGrant = {
  tenant: "acme",
  job: "j_1",
  stage: "media.analyze",
  lease: "l_1",
  epoch: 3,
  kind: "blob",
  sha256: "0".repeat(64),
  size: 9,
  n: 0,
};

test("while the key is changed, replicas read each other's URLs at every step, and the old key is of no use after the last", () => {
  const [before, after] = [randomBytes(32), randomBytes(32)];
  // As the key is rolled out, some replicas have a step and others the one before it.
  const steps = [[before], [before, after], [after, before], [after]] as const;
  for (const [at, keys] of steps.entries())
    for (const others of steps.slice(Math.max(0, at - 1), at + 2))
      assert.deepEqual(openGrant(signGrant(grant, keys[0]), others), grant, `step ${at}`);
  assert.equal(openGrant(signGrant(grant, before), steps[3]), undefined);
});
