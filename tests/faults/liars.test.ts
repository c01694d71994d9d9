import assert from "node:assert/strict";
import { test } from "node:test";
import type { Manifest } from "@heimdex/contracts/stage/v1/stage";
import { inline, manifest, port } from "@heimdex/orchestrator/testing";
import { Host, LONG_LEASES, TENANT } from "./host.ts";
import { startRogue } from "./rogue.ts";

const BLOB = { schema: "x.bin", mediaType: "application/octet-stream" } as const;
const what = manifest("fault.blob", { outputs: [port("out", BLOB)] });

test("somebody else's lease cannot be finished, renewed or uploaded to", async (t) => {
  const host = await Host.start(t, LONG_LEASES);
  const [owner, thief] = await Promise.all([startRogue(t, host.address), startRogue(t, host.address)]);
  await owner.register(what);
  await thief.register(what);
  const job = await host.index({ name: "theft", is: "done" });
  const lease = await owner.lease();
  assert.equal((await thief.complete(lease, [inline("out", Buffer.from("stolen"))])).result, "SUPERSEDED");
  assert.equal((await thief.fail(lease, { kind: "TERMINAL" })).result, "SUPERSEDED");
  assert.equal((await thief.release(lease)).result, "SUPERSEDED");
  assert.deepEqual(
    (await thief.renew([lease])).map(({ verdict }) => verdict),
    ["LOST"],
  );
  await assert.rejects(thief.uploads(lease, [1]), { id: "LEASE_SUPERSEDED" });
  // Not even with the owner's session, whose token it does not have.
  assert.deepEqual((await host.step(job))?.lease?.session, owner.session.session);
  const mine = inline("out", Buffer.from("mine"));
  assert.equal((await owner.complete(lease, [mine])).result, "ACCEPTED");
  const [step] = (await host.settled(job)).steps;
  assert.equal(step?.outputs[0]?.sha256, mine.sha256);
});

test("bytes other than it said, more and fewer: refused by name, and nothing is kept", async (t) => {
  const host = await Host.start(t, LONG_LEASES);
  const rogue = await startRogue(t, host.address);
  await rogue.register(what);
  const job = await host.index({ name: "other bytes", is: "done" });
  const said = Buffer.alloc(300_000, "said");
  const artifact = (number: number) => ({
    ...inline("out", said),
    content: { $case: "upload" as const, value: number },
  });
  const lease = await rogue.lease();
  const [url = ""] = await rogue.uploads(lease, [said.length]);
  assert.ok((await rogue.put(url, said.subarray(1))) >= 400, "fewer bytes than asked for");
  assert.ok((await rogue.put(url, Buffer.alloc(said.length + 1))) >= 400, "more bytes than asked for");
  assert.ok((await rogue.put(url, Buffer.alloc(said.length, "sent"))) < 300, "as many bytes, but others");
  const refused = await rogue.complete(lease, [artifact(0)]);
  assert.deepEqual([refused.result, refused.reason], ["REFUSED", "OUTPUT_INVALID"]);
  assert.match(refused.message, /^outputs\[0\] \(out\)\.sha256: /);
  assert.equal((await host.blobs.usage(TENANT)).cas, 0);
  await host.until(async () => (await host.blobs.usage(TENANT)).uploads === 0, "the upload is gone");
  const again = await rogue.lease();
  const [right = ""] = await rogue.uploads(again, [said.length]);
  await rogue.put(right, said);
  assert.equal((await rogue.complete(again, [artifact(0)])).result, "ACCEPTED");
  assert.equal((await host.settled(job)).state, "SUCCEEDED");
});

test("progress that goes backwards harms nobody, and does not prolong an attempt", async (t) => {
  const host = await Host.start(t, LONG_LEASES);
  const rogue = await startRogue(t, host.address);
  await rogue.register({ ...what, timeouts: { attemptMs: 2_000, stallMs: 60_000 } });
  const job = await host.index({ name: "backwards", is: "done" });
  const lease = await rogue.lease();
  let done = 1_000;
  await host.until(async () => {
    const [answer] = await rogue.renew([lease], { done: --done, total: 10, unit: "films", message: "" });
    return answer?.verdict === "LOST";
  }, "the attempt's time is over");
  assert.match((await host.step(job))?.reason ?? "", /^TIMED_OUT: /);
  const again = await rogue.lease();
  assert.equal((await rogue.complete(again, [inline("out", Buffer.from("x"))])).result, "ACCEPTED");
  assert.equal((await host.settled(job)).steps[0]?.failures, 1);
});

test("a name with ../ reaches no file, wherever a worker puts it", async (t) => {
  const host = await Host.start(t, LONG_LEASES);
  const rogue = await startRogue(t, host.address);
  const evil = "../../../../evil";
  const refused: readonly (readonly [Manifest, string])[] = [
    [{ ...what, name: evil }, "manifest.name"],
    [{ ...what, name: `made.${evil}` }, "manifest.name"],
    [{ ...what, version: `1.0.0-${evil}` }, "manifest.version"],
    [{ ...what, outputs: [{ ...port("out", BLOB), name: evil }] }, "manifest.outputs[0].name"],
    [{ ...what, outputs: [port("out", { ...BLOB, schema: evil })] }, "manifest.outputs[0].schema"],
  ];
  for (const [bad, field] of refused)
    await assert.rejects(rogue.register(bad), (reason: { id: string; fields: { field: string }[] }) => {
      assert.deepEqual([reason.id, reason.fields[0]?.field], ["STAGE_INVALID", field]);
      return true;
    });
  await rogue.register(what);
  const job = await host.index({ name: "climbing", is: "done" });
  const lease = await rogue.lease();
  assert.equal((await rogue.complete({ ...lease, lease: evil }, [])).result, "SUPERSEDED");
  await assert.rejects(rogue.uploads({ ...lease, lease: evil }, [1]), { id: "LEASE_SUPERSEDED" });
  const [url = ""] = await rogue.uploads(lease, [1]);
  const climbing = new URL(url);
  climbing.pathname = `/${encodeURIComponent(evil)}${climbing.pathname}`;
  assert.ok((await rogue.put(climbing.href, Buffer.from("x"))) >= 400);
  // A file's own name is for people; nobody opens it.
  const named = { ...inline("out", Buffer.from("x")), name: evil };
  assert.equal((await rogue.complete(lease, [named])).result, "ACCEPTED");
  assert.equal((await host.settled(job)).state, "SUCCEEDED");
});
