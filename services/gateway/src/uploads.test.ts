import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type TestContext, test } from "node:test";
import { newSecret } from "@heimdex/access";
import { type UploadRecord, uploadDocument } from "@heimdex/kernel";
import { ask, openGateway, post } from "./testing.ts";

const FILM = Buffer.from("a film's bytes");
const sha256 = createHash("sha256").update(FILM).digest("hex");
const ANNOUNCED = { name: "harbour at night.mp4", size: FILM.length, sha256 };
type Gateway = Awaited<ReturnType<typeof openGateway>>;

async function announced(t: TestContext, config = {}) {
  const gateway = await openGateway(t, config);
  const { json } = await post(gateway.httpAddress, "/v1/uploads", ANNOUNCED);
  return {
    gateway,
    upload: json as { upload: string; source_uri: string; state: string; url: string; expire_time: string },
  };
}

const put = (gateway: Gateway, url: string, body: Uint8Array, headers: Record<string, string> = {}) =>
  ask(gateway.httpAddress, url.replace(`http://${gateway.httpAddress}`, ""), {
    method: "PUT",
    body: Buffer.from(body),
    headers: { "content-length": String(body.length), ...headers },
  });
const idOf = (reply: { json: { error: { details: { reason: string }[] } } }) => reply.json.error.details[0]?.reason;

test("a film is announced, sent and there; announced again, it has not to be sent", async (t) => {
  const { gateway, upload } = await announced(t);
  assert.equal(upload.state, "WANTED");
  assert.equal(upload.source_uri, `heimdex://uploads/${sha256}/${FILM.length}/harbour%20at%20night.mp4`);
  assert.match(upload.url, new RegExp(`^http://${gateway.httpAddress}/v1/uploads/${upload.upload}\\?token=`));
  assert.equal((await put(gateway, upload.url, FILM)).status, 204);
  const complete = await post(gateway.httpAddress, `/v1/uploads/${upload.upload}:complete`, {});
  assert.deepEqual(
    [complete.json.state, complete.json.url, complete.json.source_uri],
    ["PRESENT", "", upload.source_uri],
  );
  assert.ok(await gateway.ports.blobs.has({ tenant: "default", sha256, size: FILM.length }));
  const again = await post(gateway.httpAddress, "/v1/uploads", { ...ANNOUNCED, name: "copy.mp4" });
  assert.deepEqual([again.json.state, again.json.url], ["PRESENT", ""]);
  assert.match(again.json.source_uri, /\/copy\.mp4$/);
});

test("other bytes than announced are refused and not kept; the right ones are then taken", async (t) => {
  const { gateway, upload } = await announced(t);
  const other = Buffer.from(FILM).reverse();
  const refused = await put(gateway, upload.url, other);
  assert.deepEqual([refused.status, idOf(refused)], [400, "UPLOAD_CORRUPT"]);
  const nothing = await post(gateway.httpAddress, `/v1/uploads/${upload.upload}:complete`, {});
  assert.deepEqual([nothing.status, idOf(nothing)], [404, "UPLOAD_NOT_FOUND"]);
  for (const [length, status] of [
    [FILM.length + 1, 413],
    [FILM.length - 1, 400],
  ] as const)
    assert.equal((await put(gateway, upload.url, Buffer.alloc(length))).status, status);
  const chunked = { "transfer-encoding": "chunked" };
  assert.equal(
    (
      await ask(gateway.httpAddress, new URL(upload.url).pathname + new URL(upload.url).search, {
        method: "PUT",
        body: FILM,
        headers: chunked,
      })
    ).status,
    411,
  );
  assert.equal((await put(gateway, upload.url, FILM)).status, 204);
});

test("what was never announced, or is no upload at all, is not taken", async (t) => {
  const gateway = await openGateway(t);
  for (const id of [`u_${sha256}_${FILM.length}`, "u_1", "x"]) {
    assert.equal(idOf(await put(gateway, `/v1/uploads/${id}`, FILM)), "UPLOAD_NOT_FOUND");
    assert.equal(idOf(await post(gateway.httpAddress, `/v1/uploads/${id}:complete`, {})), "UPLOAD_NOT_FOUND");
  }
  const bad = await post(gateway.httpAddress, "/v1/uploads", { name: "a\nb", size: 0, sha256: "x" });
  assert.equal(bad.status, 400);
  const fields = bad.json.error.details[1].field_violations.map(({ field }: { field: string }) => field);
  assert.deepEqual(fields, ["name", "size", "sha256"]);
});

test("an upload's life ends, and with it its URL", async (t) => {
  const { gateway, upload } = await announced(t);
  const [, digest = "", size = ""] = upload.upload.split("_");
  const ended: UploadRecord = {
    ...{ upload: upload.upload, tenant: "default", sha256: digest, size: Number(size), name: "a.mp4" },
    ...{ present: false, brought: false, job: "", expiresAtMs: Date.now() - 1 },
  };
  await gateway.ports.catalog.write([{ op: "put", ...uploadDocument(ended) }]);
  assert.equal(idOf(await put(gateway, upload.url, FILM)), "UPLOAD_NOT_FOUND");
  assert.equal((await post(gateway.httpAddress, "/v1/uploads", ANNOUNCED)).json.state, "WANTED");
});

test("too large a film and too many open uploads are refused; those that are through count no more", async (t) => {
  const { gateway, upload } = await announced(t, { limits: { uploadBytes: FILM.length, openUploads: 1 } });
  const large = await post(gateway.httpAddress, "/v1/uploads", { ...ANNOUNCED, size: FILM.length + 1 });
  assert.deepEqual([large.status, idOf(large)], [429, "SOURCE_TOO_LARGE"]);
  const next = { ...ANNOUNCED, sha256: "0".repeat(64) };
  const many = await post(gateway.httpAddress, "/v1/uploads", next);
  assert.deepEqual([many.status, idOf(many), many.headers["retry-after"]], [429, "QUOTA_EXCEEDED", "5"]);
  assert.equal((await post(gateway.httpAddress, "/v1/uploads", ANNOUNCED)).status, 200, "again is no further one");
  await put(gateway, upload.url, FILM);
  assert.equal((await post(gateway.httpAddress, "/v1/uploads", next)).status, 200);
});

test("an upload's URL needs no key, is good for that upload alone, and ends with the key that announced it", async (t) => {
  const admin = newSecret();
  const gateway = await openGateway(t, { auth: { required: true, adminKey: admin } });
  const call = (path: string, body: object, key: string) =>
    ask(gateway.httpAddress, path, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
      body: JSON.stringify(body),
    });
  const { json: issued } = await call("/v1/keys", { name: "uploads", role: "EDITOR" }, admin);
  const { json: upload } = await call("/v1/uploads", ANNOUNCED, issued.secret);
  const other = Buffer.from("another");
  const otherDigest = createHash("sha256").update(other).digest("hex");
  const second = { name: "b.mp4", size: other.length, sha256: otherDigest };
  const { json: foreign } = await call("/v1/uploads", second, issued.secret);
  const token = new URL(upload.url, "http://x").search;
  assert.equal((await put(gateway, `/v1/uploads/${foreign.upload}${token}`, other)).status, 401);
  assert.equal((await put(gateway, `/v1/uploads/${upload.upload}`, FILM)).status, 401);
  assert.equal((await ask(gateway.httpAddress, `/v1/assets${token}`)).status, 401);
  assert.equal((await put(gateway, upload.url, FILM)).status, 204);
  await call(`/v1/keys/${issued.key.key}:revoke`, {}, admin);
  assert.equal((await put(gateway, foreign.url, other)).status, 401);
});
