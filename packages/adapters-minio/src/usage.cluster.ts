import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { withId } from "@heimdex/ports/conformance";
import { startMinio } from "@heimdex/testing-servers";
import { Bucket } from "./bucket.ts";
import { resolveS3Options } from "./options.ts";
import { freshBucket } from "./testing/fresh-bucket.ts";
import { UsageCounter } from "./usage.ts";

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());

test("sums of many objects are kept for their time, those of few are not, and a failure never", async (t) => {
  const bucket = new Bucket(resolveS3Options({ ...freshBucket(server), silenceMs: 1_500 }));
  t.after(() => bucket.close());
  let nowMs = 1_000;
  const counter = new UsageCounter(bucket, { keepFrom: 3, keepMs: 100, now: () => nowMs });
  await assert.rejects(counter.of("acme"), withId("BLOB_STORE_REFUSED"));
  await bucket.create();
  const put = (name: string) =>
    bucket.put(name, Buffer.from("12345"), createHash("sha256").update("12345").digest("hex"));
  const cas = async () => (await counter.of("acme")).cas;
  for (const [n, want] of [5, 10, 15].entries()) {
    await put(`acme/cas/${n}`);
    assert.equal(await cas(), want);
  }
  await put("acme/cas/3");
  nowMs += 99;
  assert.equal(await cas(), 15);
  assert.equal((await counter.of("other")).cas, 0);
  nowMs += 1;
  assert.equal(await cas(), 20);
});
