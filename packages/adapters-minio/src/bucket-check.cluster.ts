import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after, type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { startMinio } from "@heimdex/testing-servers";
import { Bucket } from "./bucket.ts";
import { resolveS3Options, type S3Options } from "./options.ts";
import { S3Blobs } from "./s3-blobs.ts";
import { collect, keyOf, MIB, stream, TENANT } from "./testing/bytes.ts";
import { freshBucket } from "./testing/fresh-bucket.ts";
import { sessionKey } from "./testing/session-key.ts";

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());

function bucketOf(t: TestContext, options: S3Options): Bucket {
  const bucket = new Bucket(resolveS3Options(options));
  t.after(() => bucket.close());
  return bucket;
}

async function names(bucket: Bucket): Promise<string[]> {
  const all: string[] = [];
  for await (const { name } of bucket.all("")) all.push(name);
  return all;
}

test("several that start at once create the bucket, and leave nothing in it", async (t) => {
  const options = freshBucket(server);
  const opened = await Promise.all(Array.from({ length: 4 }, () => S3Blobs.open(options)));
  for (const blobs of opened) await blobs[Symbol.asyncDispose]();
  assert.deepEqual(await names(bucketOf(t, options)), []);
});

test("objects of others in the bucket stay as they are, whatever is done beside them", async (t) => {
  const options = freshBucket(server);
  const bucket = bucketOf(t, options);
  await bucket.create();
  const bytes = Buffer.from("somebody else's");
  const foreign = ["0/a.txt", "acme-2/uploads/at/1", "acme.txt", "holiday/2019/beach.jpg", "zz"];
  for (const name of foreign) await bucket.put(name, bytes, createHash("sha256").update(bytes).digest("hex"));
  const begun = await bucket.begin("holiday/film.mov", false);
  await using blobs = await S3Blobs.open(options);
  const own = Buffer.from("ours");
  await blobs.put(keyOf(own), stream(own));
  await blobs.upload({ tenant: TENANT, attempt: "at", n: 0 }, stream(own), MIB);
  await blobs.putNamed(TENANT, "sidecars/a/1.json", own);
  assert.deepEqual(await blobs.usage(TENANT), { cas: 4, uploads: 4, sidecars: 4 });
  assert.deepEqual(await blobs.listNamed(TENANT, "", undefined, 10), ["sidecars/a/1.json"]);
  await blobs.dropUploads(TENANT, "at");
  await blobs.dropStaleUploads(TENANT, 0);
  await blobs.deleteNamed(TENANT, "sidecars/a/1.json");
  await blobs.delete(keyOf(own));
  assert.deepEqual(await names(bucket), foreign);
  for (const name of foreign) assert.deepEqual(await bucket.whole(name), bytes);
  const unfinished = [];
  for await (const { upload } of bucket.unfinished()) unfinished.push(upload);
  assert.deepEqual(unfinished, [begun]);
});

const WRITE = ["s3:CreateBucket", "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation"];
for (const [what, change, help] of [
  ["a wrong secret key", () => ({ secretKey: "wrong-secret" }), /secret key/],
  ["an unknown access key", () => ({ accessKey: "nobody" }), /does not know the access key/],
  ["a key that may only read", () => sessionKey(server, ["s3:ListBucket", "s3:GetObject"]), /s3:PutObject/],
  ["a key that may not read", () => sessionKey(server, [...WRITE, "s3:PutObject", "s3:DeleteObject"]), /s3:GetObject/],
] as const)
  test(`${what} is told at start, with the bucket and what to do`, async (t) => {
    const options = freshBucket(server);
    await bucketOf(t, options).create();
    await assert.rejects(S3Blobs.open({ ...options, ...(await change()) }), (error: unknown) => {
      assert.ok(error instanceof HeimdexError, `${error}`);
      assert.equal(error.id, "BLOB_STORE_REFUSED", error.message);
      assert.ok(error.message.includes(options.bucket));
      assert.match(error.help, help);
      return true;
    });
  });

test("a wrong region is told at start, with the right one", async () => {
  await using abroad = await startMinio({ region: "eu-central-1" });
  const options = freshBucket(abroad);
  await assert.rejects(S3Blobs.open(options), (error: unknown) => {
    assert.ok(error instanceof HeimdexError, `${error}`);
    assert.equal(error.id, "BLOB_STORE_REFUSED", error.message);
    assert.ok(error.message.includes(options.bucket) && error.message.includes("eu-central-1"), error.message);
    assert.match(error.help, /region/);
    return true;
  });
  await using blobs = await S3Blobs.open({ ...options, region: "eu-central-1" });
  const bytes = Buffer.from("abroad");
  await blobs.put(keyOf(bytes), stream(bytes));
  assert.equal((await fetch(await blobs.presignGet(keyOf(bytes), 60_000, "inside"))).status, 200);
});

test("an endpoint where no S3 store answers is told as that", async (t) => {
  const other = createServer((_, response) =>
    response.writeHead(400).end("Client sent an HTTP request to an HTTPS server."),
  );
  other.listen(0, "127.0.0.1");
  t.after(() => other.close());
  await once(other, "listening");
  const endpoint = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
  await assert.rejects(S3Blobs.open({ ...freshBucket(server), endpoint }), (error: unknown) => {
    assert.ok(error instanceof HeimdexError, `${error}`);
    assert.equal(error.id, "BLOB_STORE_REFUSED", error.message);
    assert.match(error.help, /endpoint/);
    return true;
  });
});

test("a temporary key does, and so do URLs made with it", async () => {
  const key = await sessionKey(server, ["s3:*"]);
  await using blobs = await S3Blobs.open({ ...freshBucket(server), ...key });
  const bytes = Buffer.from("by a session");
  await blobs.put(keyOf(bytes), stream(bytes));
  assert.deepEqual(await collect(await blobs.get(keyOf(bytes))), bytes);
  const answer = await fetch(await blobs.presignGet(keyOf(bytes), 60_000, "inside"));
  assert.equal(await answer.text(), "by a session");
});
