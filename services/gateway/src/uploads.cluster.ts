import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, type TestContext, test } from "node:test";
import { S3Blobs } from "@heimdex/adapters-minio";
import { startMinio } from "@heimdex/testing-servers";
import { openGateway, post } from "./testing.ts";

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());

const FILM = randomBytes(300_000);
const ANNOUNCED = {
  name: "harbour.mp4",
  size: FILM.length,
  sha256: createHash("sha256").update(FILM).digest("hex"),
};

async function announced(t: TestContext) {
  const { endpoint, accessKey, secretKey } = server;
  const bucket = `heimdex-${randomBytes(6).toString("hex")}`;
  const blobs = await S3Blobs.open({ endpoint, accessKey, secretKey, bucket });
  t.after(() => blobs[Symbol.asyncDispose]());
  const gateway = await openGateway(t, {}, blobs);
  const announce = async () => (await post(gateway.httpAddress, "/v1/uploads", ANNOUNCED)).json;
  const upload = await announce();
  const complete = () => post(gateway.httpAddress, `/v1/uploads/${upload.upload}:complete`, {});
  return { blobs, announce, upload, complete };
}

const put = async (url: string, body: Buffer<ArrayBuffer>) => (await fetch(url, { method: "PUT", body })).status;

test("a film goes to the store itself, is compared there, and is not sent twice", async (t) => {
  const { blobs, announce, upload, complete } = await announced(t);
  assert.equal(upload.state, "WANTED");
  assert.ok(upload.url.startsWith(`${server.endpoint}/`), upload.url);
  assert.equal(await put(upload.url, FILM), 200);
  const done = await complete();
  assert.deepEqual([done.status, done.json.state, done.json.url], [200, "PRESENT", ""]);
  assert.ok(await blobs.has({ tenant: "default", sha256: ANNOUNCED.sha256, size: FILM.length }));
  assert.equal((await complete()).json.state, "PRESENT");
  assert.equal((await announce()).state, "PRESENT");
});

test("other bytes are refused: of another size by the store, of the same when they are compared", async (t) => {
  const { announce, upload, complete } = await announced(t);
  assert.equal(await put(upload.url, randomBytes(10)), 403);
  assert.equal((await complete()).json.error.details[0].reason, "UPLOAD_NOT_FOUND");
  assert.equal(await put(upload.url, randomBytes(FILM.length)), 200);
  assert.equal((await complete()).json.error.details[0].reason, "UPLOAD_CORRUPT");
  const again = await announce();
  assert.equal(again.state, "WANTED");
  assert.equal(await put(again.url, FILM), 200);
  assert.equal((await complete()).json.state, "PRESENT");
});
