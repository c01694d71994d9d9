import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { appendFile, mkdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { startFilmServer } from "@heimdex/sources/testing";
import { ask, asset, openGateway } from "../testing.ts";

const TEXT = "0123456789";

async function storedBlob(t: TestContext) {
  const gateway = await openGateway(t);
  const sha256 = createHash("sha256").update(TEXT).digest("hex");
  const bytes = (async function* () {
    yield Buffer.from(TEXT);
  })();
  await gateway.ports.blobs.put({ tenant: "default", sha256, size: TEXT.length }, bytes);
  return { gateway, sha256, path: `/v1/blobs/${sha256}?size=${TEXT.length}` };
}

test("a blob's bytes, whole and in ranges", async (t) => {
  const { gateway, path, sha256 } = await storedBlob(t);
  for (const [range, status, body, contentRange] of [
    [undefined, 200, TEXT, undefined],
    ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-2", 206, "89", "bytes 8-9/10"],
    ["bytes=5-500", 206, "56789", "bytes 5-9/10"],
    ["bytes=0-1,3-4", 200, TEXT, undefined],
    ["bytes=10-", 416, undefined, "bytes */10"],
  ] as const) {
    const reply = await ask(gateway.httpAddress, path, { headers: range === undefined ? {} : { range } });
    assert.equal(reply.status, status, range);
    if (body !== undefined) assert.equal(reply.body.toString(), body, range);
    else assert.equal(reply.json.error.details[0].reason, "BLOB_RANGE_INVALID");
    assert.equal(reply.headers["content-range"], contentRange, range);
    assert.equal(reply.headers["accept-ranges"], "bytes");
  }
  const { headers } = await ask(gateway.httpAddress, path);
  assert.equal(headers.etag, `"${sha256}"`);
  assert.equal(headers["content-type"], "application/octet-stream");
  assert.match(String(headers["cache-control"]), /immutable/);
  assert.match(String(headers["content-security-policy"]), /sandbox/);
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["cross-origin-resource-policy"], "same-origin");
});

test("what is longer than Cloud Run passes on with its length stated comes whole in chunks", async (t) => {
  const gateway = await openGateway(t);
  const content = Buffer.alloc(32 * 1024 ** 2 + 1, "film");
  const sha256 = createHash("sha256").update(content).digest("hex");
  const bytes = (async function* () {
    yield content;
  })();
  await gateway.ports.blobs.put({ tenant: "default", sha256, size: content.length }, bytes);
  const get = (headers: Record<string, string>) =>
    fetch(`http://${gateway.httpAddress}/v1/blobs/${sha256}?size=${content.length}`, { headers });
  const whole = await get({});
  assert.equal(whole.headers.get("content-length"), null);
  assert.equal(
    createHash("sha256")
      .update(await whole.bytes())
      .digest("hex"),
    sha256,
  );
  const part = await get({ range: "bytes=1-" });
  assert.deepEqual([part.status, part.headers.get("content-length")], [206, String(content.length - 1)]);
  assert.equal((await part.bytes()).length, content.length - 1);
});

test("a blob's tag saves sending it again, and guards a range", async (t) => {
  const { gateway, path, sha256 } = await storedBlob(t);
  const get = (headers: Record<string, string>, method = "GET") => ask(gateway.httpAddress, path, { headers, method });
  assert.equal((await get({ "if-none-match": `"${sha256}"` })).status, 304);
  assert.equal((await get({ "if-none-match": '"other"' })).status, 200);
  assert.equal((await get({ "if-range": `"${sha256}"`, range: "bytes=0-0" })).status, 206);
  assert.equal((await get({ "if-range": '"other"', range: "bytes=0-0" })).status, 200);
  const head = await get({}, "HEAD");
  assert.deepEqual([head.status, head.body.length, head.headers["content-length"]], [200, 0, "10"]);
});

test("a blob may be asked for as one of a few types; others' and unknown ones are not there", async (t) => {
  const { gateway, path, sha256 } = await storedBlob(t);
  const jpeg = await ask(gateway.httpAddress, `${path}&type=image/jpeg`);
  assert.equal(jpeg.headers["content-type"], "image/jpeg");
  assert.equal((await ask(gateway.httpAddress, `${path}&type=text/html`)).status, 400);
  const wrongSize = await ask(gateway.httpAddress, `/v1/blobs/${sha256}?size=11`);
  assert.deepEqual([wrongSize.status, wrongSize.json.error.details[0].reason], [404, "BLOB_NOT_FOUND"]);
  const foreign = createHash("sha256").update("theirs").digest("hex");
  const bytes = (async function* () {
    yield Buffer.from("theirs");
  })();
  await gateway.ports.blobs.put({ tenant: "other", sha256: foreign, size: 6 }, bytes);
  assert.equal((await ask(gateway.httpAddress, `/v1/blobs/${foreign}?size=6`)).status, 404);
});

async function storedFilm(t: TestContext, name = "a film – ünïcode #1.mp4") {
  const gateway = await openGateway(t);
  const folder = join(gateway.folder, "films");
  await mkdir(folder);
  const file = join(folder, name);
  await writeFile(file, TEXT);
  const { mtimeMs } = await stat(file);
  const source = { uri: pathToFileURL(file).href, size: TEXT.length, modifiedMs: mtimeMs, missing: false };
  await gateway.storeAsset(asset("a_1", { sources: [source], size: TEXT.length }));
  return {
    gateway,
    file,
    source,
    get: (headers = {}) => ask(gateway.httpAddress, "/v1/assets/a_1/media", { headers }),
  };
}

test("an asset's own file plays by ranges", async (t) => {
  const { get } = await storedFilm(t);
  const whole = await get();
  assert.deepEqual([whole.status, whole.body.toString(), whole.headers["content-type"]], [200, TEXT, "video/mp4"]);
  const part = await get({ range: "bytes=2-4" });
  assert.deepEqual([part.status, part.body.toString(), part.headers["content-range"]], [206, "234", "bytes 2-4/10"]);
  assert.equal((await get({ range: "bytes=10-" })).status, 416);
  assert.equal((await get({ "if-none-match": String(whole.headers.etag) })).status, 304);
});

test("a large file comes whole", async (t) => {
  const { gateway, file, source } = await storedFilm(t, "large.mkv");
  const large = Buffer.alloc(1_000_000, "heimdex");
  await writeFile(file, large);
  const { mtimeMs } = await stat(file);
  await gateway.storeAsset(asset("a_1", { sources: [{ ...source, size: large.length, modifiedMs: mtimeMs }] }));
  const { body, headers } = await ask(gateway.httpAddress, "/v1/assets/a_1/media");
  assert.ok(body.equals(large));
  assert.equal(headers["content-type"], "video/x-matroska");
});

test("a player that seeks away halfway is no error of ours", async (t) => {
  const { gateway, file, source } = await storedFilm(t, "large.mkv");
  const large = Buffer.alloc(20_000_000);
  await writeFile(file, large);
  const { mtimeMs } = await stat(file);
  await gateway.storeAsset(asset("a_1", { sources: [{ ...source, size: large.length, modifiedMs: mtimeMs }] }));
  const leave = new AbortController();
  const reply = await fetch(`http://${gateway.httpAddress}/v1/assets/a_1/media`, { signal: leave.signal });
  const reader = reply.body?.getReader();
  await reader?.read();
  leave.abort();
  await assert.rejects(async () => {
    while ((await reader?.read())?.done === false);
  });
  await gateway[Symbol.asyncDispose]();
  assert.deepEqual(gateway.errors, []);
});

for (const [name, change, id] of [
  ["was added to", (file: string) => appendFile(file, "x"), "SOURCE_CHANGED"],
  ["was written anew, at the same size", (file: string) => utimes(file, 1, 1), "SOURCE_CHANGED"],
  ["has vanished", (file: string) => rm(file), "SOURCE_MISSING"],
  ["became a folder", (file: string) => rm(file).then(() => mkdir(file)), "SOURCE_CHANGED"],
] as const) {
  test(`a file that ${name} is not served`, async (t) => {
    const { get, file, gateway } = await storedFilm(t);
    await change(file);
    const { status, json } = await get();
    assert.ok(status === 409 || status === 400, String(status));
    assert.equal(json.error.details[0].reason, id);
    assert.equal(json.error.details[0].metadata.asset, "a_1");
    assert.deepEqual(gateway.errors, []);
  });
}

test("of two copies, the one that is there is served", async (t) => {
  const { gateway, source } = await storedFilm(t);
  const gone = { ...source, uri: "file:///nowhere/copy.mp4" };
  await gateway.storeAsset(asset("a_1", { sources: [gone, source] }));
  assert.equal((await ask(gateway.httpAddress, "/v1/assets/a_1/media")).body.toString(), TEXT);
});

test("a film on the web plays by ranges, as long as it is the one that was indexed", async (t) => {
  const server = await startFilmServer(t, Buffer.from(TEXT));
  const gateway = await openGateway(t, { sources: { privateHosts: server.host } });
  const source = { uri: server.url, size: TEXT.length, modifiedMs: 0, tag: '"1"', missing: false };
  await gateway.storeAsset(asset("a_1", { sources: [source], size: TEXT.length }));
  const get = () => ask(gateway.httpAddress, "/v1/assets/a_1/media", { headers: { range: "bytes=2-4" } });
  const part = await get();
  assert.deepEqual([part.status, part.body.toString(), part.headers["content-type"]], [206, "234", "video/mp4"]);
  server.etag = '"2"';
  assert.equal((await get()).json.error.details[0].reason, "SOURCE_CHANGED");
  server.instead = (_, response) => response.writeHead(404).end() !== undefined;
  assert.equal((await get()).json.error.details[0].reason, "SOURCE_MISSING");
});
