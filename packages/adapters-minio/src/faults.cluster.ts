import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { HeimdexError } from "@heimdex/errors";
import { withId } from "@heimdex/ports/conformance";
import { startMinio } from "@heimdex/testing-servers";
import { Bucket } from "./bucket.ts";
import { copyObject } from "./copy-object.ts";
import { uploadName } from "./object-names.ts";
import { resolveS3Options, type S3Options } from "./options.ts";
import { S3Blobs } from "./s3-blobs.ts";
import { collect, keyOf, MIB, stream, TENANT } from "./testing/bytes.ts";
import { freshBucket } from "./testing/fresh-bucket.ts";
import { startProxy } from "./testing/proxy.ts";
import { startSilentStore } from "./testing/silent-store.ts";

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());

const upload = (n: number) => ({ tenant: TENANT, attempt: "at", n });
/** How long a server may take to recover; far longer than it takes. */
const PATIENCE_MS = 60_000;

function bucketOf(t: TestContext, options: S3Options): Bucket {
  const bucket = new Bucket(resolveS3Options(options));
  t.after(() => bucket.close());
  return bucket;
}

/** Does it again while the store cannot be reached. */
async function whenBack<T>(call: () => Promise<T>): Promise<T> {
  for (const untilMs = Date.now() + PATIENCE_MS; ; await delay(100)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof HeimdexError && error.id === "BLOB_UNAVAILABLE") || Date.now() > untilMs) throw error;
    }
  }
}

test("a store that is slow by 500 ms commits right", async () => {
  await using slow = await startProxy(server.endpoint, 500);
  await using blobs = await S3Blobs.open({ ...freshBucket(server), endpoint: slow.endpoint });
  const [small, large, workers] = [randomBytes(1000), randomBytes(20 * MIB + 5), randomBytes(3 * MIB)];
  await Promise.all([
    blobs.put(keyOf(small), stream(small)),
    blobs.upload(upload(0), stream(large), 30 * MIB).then(() => blobs.commitUpload(upload(0), keyOf(large))),
    (async () => {
      const url = await blobs.presignPut(upload(1), workers.length, 60_000, "inside");
      assert.equal((await fetch(url as string, { method: "PUT", body: workers })).status, 200);
      await Promise.all([1, 2].map(() => blobs.commitUpload(upload(1), keyOf(workers))));
    })(),
  ]);
  for (const bytes of [small, large, workers])
    assert.deepEqual(keyOf(await collect(await blobs.get(keyOf(bytes)))), keyOf(bytes));
  assert.deepEqual(await blobs.usage(TENANT), {
    cas: small.length + large.length + workers.length,
    uploads: 0,
    sidecars: 0,
  });
});

test("URLs for the outside are of the public endpoint, which is not called to make them, and those for the inside of the other", async () => {
  await using outside = await startProxy(server.endpoint);
  await using blobs = await S3Blobs.open({ ...freshBucket(server), publicEndpoint: outside.endpoint });
  const endpoints = { inside: server.endpoint, outside: outside.endpoint };
  for (const [n, reach] of (["inside", "outside"] as const).entries()) {
    const bytes = randomBytes(1000);
    const put = (await blobs.presignPut(upload(n), bytes.length, 60_000, reach)) ?? "";
    const get = await blobs.presignGet(keyOf(bytes), 60_000, reach);
    for (const url of [put, get]) assert.ok(url.startsWith(`${endpoints[reach]}/`), url);
    assert.equal(outside.connections, 0);
    assert.equal((await fetch(put, { method: "PUT", body: bytes })).status, 200);
    await blobs.commitUpload(upload(n), keyOf(bytes));
    assert.deepEqual(Buffer.from(await (await fetch(get)).arrayBuffer()), bytes);
  }
});

test("an upload above what a store takes in one PUT gets no URL", async () => {
  await using blobs = await S3Blobs.open(freshBucket(server));
  assert.notEqual(await blobs.presignPut(upload(0), 5 * 1024 ** 3, 60_000, "inside"), undefined);
  assert.equal(await blobs.presignPut(upload(0), 5 * 1024 ** 3 + 1, 60_000, "inside"), undefined);
});

test("where the store states no digests, uploads are read back", async () => {
  await using silent = await startSilentStore(server.endpoint);
  await using blobs = await S3Blobs.open({ ...freshBucket(server), endpoint: silent.endpoint });
  for (const [n, size] of [0, 1, 12 * MIB].entries()) {
    const bytes = randomBytes(size);
    const other = { ...keyOf(bytes), sha256: keyOf(randomBytes(8)).sha256 };
    await blobs.upload(upload(n), stream(bytes), 20 * MIB);
    await assert.rejects(blobs.commitUpload(upload(n), other), withId("BLOB_DIGEST_MISMATCH"));
    assert.equal(await blobs.has(other), false);
    await blobs.upload(upload(n), stream(bytes), 20 * MIB);
    await blobs.commitUpload(upload(n), keyOf(bytes));
    assert.deepEqual(keyOf(await collect(await blobs.get(keyOf(bytes)))), keyOf(bytes));
  }
});

test("an object too large for one copy is copied in parts, and only the one that was looked at", async (t) => {
  const options = freshBucket(server);
  await using blobs = await S3Blobs.open(options);
  const bucket = bucketOf(t, options);
  const bytes = randomBytes(12 * MIB + 1);
  await blobs.upload(upload(0), stream(bytes), 20 * MIB);
  const from = uploadName(upload(0));
  const facts = await bucket.head(from);
  assert.ok(facts);
  const limits = { limit: 6 * MIB, partBytes: 5 * MIB };
  assert.equal(await copyObject(bucket, from, "copy", facts, limits), true);
  assert.deepEqual(keyOf((await bucket.whole("copy")) as Buffer), keyOf(bytes));
  await blobs.upload(upload(0), stream(randomBytes(12 * MIB + 1)), 20 * MIB);
  assert.equal(await copyObject(bucket, from, "other", facts, limits), false);
  assert.equal(await bucket.head("other"), undefined);
  for await (const { name } of bucket.unfinished()) assert.fail(`${name} was left unfinished`);
});

test("parts that a killed process left are removed once they are old, and not before", async (t) => {
  const options = freshBucket(server);
  await using blobs = await S3Blobs.open(options);
  const bucket = bucketOf(t, options);
  for (const name of [uploadName(upload(0)), `${TENANT}/cas/sha256/ab/${"ab".repeat(32)}`, "other/uploads/at/0"])
    await bucket.putPart(name, await bucket.begin(name, true), 1, randomBytes(1000));
  const left = async () => {
    const names: string[] = [];
    for await (const { name } of bucket.unfinished()) names.push(name);
    return names.length;
  };
  await blobs.dropStaleUploads(TENANT, 3_600_000);
  assert.equal(await left(), 3);
  await blobs.dropStaleUploads(TENANT, 0);
  assert.equal(await left(), 1);
});

test("a store that does not answer fails the call in time, takes no more than a part, and goes on afterwards", async (t) => {
  await using blobs = await S3Blobs.open({ ...freshBucket(server), silenceMs: 1_500 });
  const bytes = randomBytes(1000);
  await blobs.put(keyOf(bytes), stream(bytes));
  await server.container.pause();
  let taken = 0;
  try {
    await assert.rejects(blobs.has(keyOf(bytes)), withId("BLOB_UNAVAILABLE"));
    const endless = async function* () {
      for (const chunk = randomBytes(64 * 1024); ; taken += chunk.length) yield chunk;
    };
    await assert.rejects(blobs.upload(upload(0), endless(), 1024 * MIB), withId("BLOB_UNAVAILABLE"));
  } finally {
    await server.container.resume();
  }
  t.diagnostic(`${taken} bytes taken`);
  assert.ok(taken <= 8 * MIB, `${taken} bytes were taken`);
  assert.deepEqual(await whenBack(async () => collect(await blobs.get(keyOf(bytes)))), bytes);
});

test("an aborted call does not wait for a store that does not answer", async () => {
  await using blobs = await S3Blobs.open(freshBucket(server));
  const bytes = randomBytes(20 * MIB);
  const abort = new AbortController();
  const reason = new Error("enough");
  await server.container.pause();
  try {
    const uploading = blobs.upload(upload(0), stream(bytes), 30 * MIB, abort.signal);
    setImmediate(() => abort.abort(reason));
    await assert.rejects(uploading, (error) => error === reason);
  } finally {
    await server.container.resume();
  }
});

test("a server killed under an upload: nothing is kept of it, what was stored stays, and the same calls then work", async () => {
  await using blobs = await S3Blobs.open(freshBucket(server));
  const [before, bytes] = [randomBytes(1000), randomBytes(40 * MIB)];
  await blobs.put(keyOf(before), stream(before));
  await blobs.upload(upload(7), stream(before), MIB);
  const dying = async function* () {
    let sent = 0;
    for await (const chunk of stream(bytes)) {
      yield chunk;
      sent += chunk.length;
      if (sent === 20 * MIB) await server.container.kill();
    }
  };
  await assert.rejects(blobs.upload(upload(0), dying(), 64 * MIB), withId("BLOB_UNAVAILABLE"));
  await assert.rejects(blobs.has(keyOf(before)), withId("BLOB_UNAVAILABLE"));
  await server.container.start();
  await whenBack(() => blobs.has(keyOf(before)));
  await assert.rejects(blobs.commitUpload(upload(0), keyOf(bytes)), withId("BLOB_NOT_FOUND"));
  await blobs.commitUpload(upload(7), keyOf(before));
  await blobs.upload(upload(0), stream(bytes), 64 * MIB);
  await blobs.commitUpload(upload(0), keyOf(bytes));
  for (const each of [before, bytes]) assert.deepEqual(keyOf(await collect(await blobs.get(keyOf(each)))), keyOf(each));
});

test("connections that ended while they were idle fail no call", async () => {
  await using proxy = await startProxy(server.endpoint);
  await using blobs = await S3Blobs.open({ ...freshBucket(server), endpoint: proxy.endpoint });
  const bytes = randomBytes(1000);
  for (let i = 0; i < 5; i++) {
    proxy.cut();
    await blobs.put(keyOf(bytes), stream(bytes));
    proxy.cut();
    await blobs.upload(upload(i), stream(bytes), MIB);
    proxy.cut();
    await blobs.commitUpload(upload(i), keyOf(bytes));
  }
});

test("a document is created once, also when the store's answer is lost", async () => {
  let lost = 0;
  await using lossy = await startSilentStore(server.endpoint, ({ method, headers }) => {
    return method === "PUT" && headers["if-none-match"] === "*" && lost++ % 2 === 0;
  });
  await using blobs = await S3Blobs.open({ ...freshBucket(server), endpoint: lossy.endpoint });
  assert.equal(await blobs.createNamed(TENANT, "sidecars/a/1.json", Buffer.from("first")), true);
  assert.equal(await blobs.createNamed(TENANT, "sidecars/a/1.json", Buffer.from("second")), false);
  assert.equal(lost, 4);
  assert.deepEqual(await blobs.getNamed(TENANT, "sidecars/a/1.json"), Buffer.from("first"));
});

test("a full disk is DISK_FULL; nothing half-written is seen, and what was stored is still there", async () => {
  await using small = await startMinio({ diskBytes: 96 * MIB });
  await using blobs = await S3Blobs.open(freshBucket(small));
  const stored: Buffer[] = [];
  let refused: Buffer | undefined;
  while (refused === undefined) {
    const bytes = randomBytes(16 * MIB);
    try {
      await blobs.put(keyOf(bytes), stream(bytes));
      stored.push(bytes);
      assert.ok(stored.length < 6, "more than the disk holds");
    } catch (error) {
      withId("DISK_FULL")(error);
      refused = bytes;
    }
  }
  assert.ok(stored.length > 0, "nothing went in");
  assert.equal(await blobs.has(keyOf(refused)), false);
  assert.equal((await blobs.usage(TENANT)).cas, stored.length * 16 * MIB);
  for (const bytes of stored) assert.deepEqual(keyOf(await collect(await blobs.get(keyOf(bytes)))), keyOf(bytes));
});
