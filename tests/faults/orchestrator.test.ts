import assert from "node:assert/strict";
import { test } from "node:test";
import { assertDoneOnce } from "./done-once.ts";
import { Host, LONG_LEASES } from "./host.ts";
import { Worker } from "./worker.ts";

for (const dies of ["before commit", "after commit"] as const) {
  test(`the orchestrator is killed ${dies} and started again: the worker's result counts, once`, async (t) => {
    const host = await Host.start(t, { ...LONG_LEASES, dies });
    const worker = Worker.start(t, host.address);
    await host.untilServed("fault.film");
    const job = await host.index({ name: "killed", is: "done" });
    await host.down();
    const before = await host.step(job);
    assert.equal(before?.state, dies === "before commit" ? "LEASED" : "OK");
    await host.up({ dies: undefined });
    await assertDoneOnce(host, job, "killed", 1, 0);
    assert.equal(worker.heard.filter(({ what }) => what === "begun").length, 1, "the work was done once");
    assert.equal(worker.ended, false);
  });
}

test("the orchestrator is killed while nobody has the step, and while somebody has: both are found again", async (t) => {
  const host = await Host.start(t, LONG_LEASES);
  const worker = Worker.start(t, host.address);
  await host.untilServed("fault.film");
  const held = await host.index({ name: "held", is: "wait" });
  await worker.until("held", "begun");
  const ready = await host.index({ name: "ready", is: "done" });
  await host.untilStep(ready, ({ state }) => state === "READY", "it waits for a free slot");
  await host.kill();
  await host.up();
  worker.go("held");
  await assertDoneOnce(host, held, "held", 1, 0);
  await assertDoneOnce(host, ready, "ready", 1, 0);
});
