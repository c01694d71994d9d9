import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { collect, keyOf, LONG_MS, NOTHING, pattern, stream, TENANT, upload } from "./blob-samples.ts";
import type { Blobs } from "./blobs.ts";
import { withId } from "./conformance-tools.ts";

async function bodyOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

async function assertRefused(answer: Promise<Response>): Promise<void> {
  assert.equal((await answer).status, 403);
}

/** The promises of `presignGet` and `presignPut`; part of `blobsConformance`. */
export function blobUrlsConformance(open: (t: TestContext) => Promise<{ readonly blobs: Blobs }>): void {
  for (const reach of ["inside", "outside"] as const) {
    test(`a URL to read, ${reach}, gives one blob, whole and in ranges, to whoever has it`, async (t) => {
      const { blobs } = await open(t);
      const [bytes, others] = [pattern(300_000), pattern(300_000, 2)];
      for (const each of [bytes, others]) await blobs.put(keyOf(each), stream(each));
      const url = await blobs.presignGet(keyOf(bytes), LONG_MS, reach);
      if (url === undefined) {
        assert.equal(
          await blobs.presignPut(upload(0), 5, LONG_MS, reach),
          undefined,
          "a store gives URLs for both or neither",
        );
        return;
      }
      const whole = await fetch(url);
      assert.deepEqual([whole.status, await bodyOf(whole)], [200, bytes]);
      const part = await fetch(url, { headers: { range: "bytes=100-299" } });
      assert.deepEqual([part.status, await bodyOf(part)], [206, bytes.slice(100, 300)]);
      const { sha256 } = keyOf(others);
      const another = url.replace(
        `${keyOf(bytes).sha256.slice(0, 2)}/${keyOf(bytes).sha256}`,
        `${sha256.slice(0, 2)}/${sha256}`,
      );
      assert.notEqual(another, url);
      await assertRefused(fetch(another));
      await assertRefused(fetch(url, { method: "PUT", body: others }));
      await assertRefused(fetch(url, { method: "DELETE" }));
      assert.deepEqual(await collect(await blobs.get(keyOf(bytes))), bytes);
    });

    test(`a URL to put, ${reach}, takes one upload of the size it is for, and nothing else`, async (t) => {
      const { blobs } = await open(t);
      const bytes = pattern(300_000);
      const url = await blobs.presignPut(upload(0), bytes.length, LONG_MS, reach);
      if (url === undefined) return; // then there are none to read either, as the test before says
      const put = (to: string, body: Uint8Array) =>
        fetch(to, { method: "PUT", body, headers: { "content-type": "application/octet-stream" } });
      await assertRefused(put(url, bytes.subarray(1)));
      await assertRefused(put(url, Buffer.concat([bytes, bytes])));
      await assertRefused(put(url.replace("/at-1_A/0", "/at-1_A/1"), bytes));
      await assertRefused(put(url.replace("/at-1_A/0", "/another/0"), bytes));
      await assertRefused(fetch(url));
      assert.deepEqual(await blobs.usage(TENANT), NOTHING);
      for (let i = 0; i < 2; i++) assert.equal((await put(url, bytes)).status, 200);
      assert.equal((await blobs.usage(TENANT)).uploads, bytes.length);
      await blobs.commitUpload(upload(0), keyOf(bytes));
      assert.deepEqual(await collect(await blobs.get(keyOf(bytes))), bytes);
      // The worker may still use its URL: that must not reach the blob.
      assert.equal((await put(url, pattern(bytes.length, 3))).status, 200);
      await assert.rejects(blobs.commitUpload(upload(0), keyOf(bytes)), withId("BLOB_DIGEST_MISMATCH"));
      assert.deepEqual(await collect(await blobs.get(keyOf(bytes))), bytes);
      const empty = await blobs.presignPut(upload(1), 0, LONG_MS, reach);
      assert.equal((await put(empty as string, new Uint8Array(0))).status, 200);
      await blobs.commitUpload(upload(1), keyOf(new Uint8Array(0)));
    });
  }

  test("a URL is refused after its time", async (t) => {
    const { blobs } = await open(t);
    const bytes = pattern(1000);
    await blobs.put(keyOf(bytes), stream(bytes));
    const [get, put, lasting] = await Promise.all([
      blobs.presignGet(keyOf(bytes), 1000, "inside"),
      blobs.presignPut(upload(0), bytes.length, 1000, "outside"),
      blobs.presignGet(keyOf(bytes), LONG_MS, "inside"),
    ]);
    if (get === undefined || put === undefined || lasting === undefined) return;
    const refusedBy = Date.now() + 60_000;
    for (const attempt of [() => fetch(get), () => fetch(put, { method: "PUT", body: bytes })]) {
      let { status } = await attempt();
      while (status === 200 && Date.now() < refusedBy) {
        await delay(100);
        ({ status } = await attempt());
      }
      assert.equal(status, 403);
    }
    assert.equal((await fetch(lasting)).status, 200);
  });
}
