import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { buffer } from "node:stream/consumers";
import { after, type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { startMinio } from "@heimdex/testing-servers";
import { Client } from "minio";
import { type SourcePage, Sources, sourcesConfig } from "./index.ts";
import { noBlobs } from "./testing/no-blobs.ts";

const TENANT = "default";
const failedAs = (id: string) => (reason: unknown) => reason instanceof HeimdexError && reason.id === id;

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());
const { hostname, port } = new URL(server.endpoint);
const { accessKey, secretKey } = server;
const client = new Client({ endPoint: hostname, port: Number(port), useSSL: false, accessKey, secretKey });

async function newBucket(): Promise<string> {
  const bucket = `films-${randomBytes(6).toString("hex")}`;
  await client.makeBucket(bucket);
  return bucket;
}

function open(t: TestContext, bucket: string, settings: Record<string, unknown> = {}): Sources {
  const entry = { bucket, endpoint: server.endpoint, access_key: accessKey, secret_key: secretKey, ...settings };
  const config = sourcesConfig.parse({ s3: JSON.stringify([entry]) });
  const sources = new Sources({ config, blobs: noBlobs(), roots: [] });
  t.after(() => sources[Symbol.dispose]());
  return sources;
}

async function listAll(sources: Sources, uri: string, limit: number, tenant = TENANT) {
  const pages: SourcePage[] = [];
  for (let next = ""; pages.length === 0 || next !== ""; ) {
    const page: SourcePage = await sources.list(tenant, uri, next, limit);
    pages.push(page);
    next = page.next;
  }
  return pages;
}

test("an object is known by its ETag and read where it lies, whatever its key", async (t) => {
  const bucket = await newBucket();
  const sources = open(t, bucket);
  const bytes = randomBytes(300_000);
  for (const key of ["a.mp4", "day 1/ü & <b>?#%20+.mp4", "x/y/z.mkv"]) {
    await client.putObject(bucket, key, bytes);
    const uri = `s3://${bucket}/${key}`;
    const facts = await sources.stat(TENANT, uri);
    assert.equal(facts.size, bytes.length);
    const part = await sources.read(TENANT, uri, facts, { start: 1_000, end: 250_000 });
    assert.ok((await buffer(part)).equals(bytes.subarray(1_000, 250_000)), key);
    assert.equal(
      await sources.fingerprint(TENANT, uri, facts, new AbortController().signal),
      createHash("sha256").update(bytes).digest("hex"),
    );
    await client.putObject(bucket, key, randomBytes(300_000));
    await assert.rejects(sources.read(TENANT, uri, facts, { start: 0, end: 1 }), failedAs("SOURCE_CHANGED"));
    await client.removeObject(bucket, key);
    await assert.rejects(sources.read(TENANT, uri, facts, { start: 0, end: 1 }), failedAs("SOURCE_NOT_FOUND"));
  }
});

test("a prefix is listed by pages, and what is no film is left out with the reason", async (t) => {
  const bucket = await newBucket();
  const films = ["films/a b.mp4", "films/a.mp4", "films/sub/ü%20?.MKV"];
  const others = ["films/", "films/.hidden.mp4", "films/a.mp4.heimdex.json", "films/empty.mp4", "films/notes.txt"];
  for (const key of [...films, ...others, "filmset.mp4", "elsewhere/b.mp4"])
    await client.putObject(bucket, key, Buffer.from(key.endsWith("/") || key.includes("empty") ? "" : key));
  const sources = open(t, bucket);
  for (const limit of [1, 3, 1000]) {
    const pages = await listAll(sources, `s3://${bucket}/films/`, limit);
    assert.deepEqual(
      pages.flatMap(({ sources: found }) => found.map(({ uri }) => uri)).sort(),
      films.map((key) => `s3://${bucket}/${key}`).sort(),
    );
    const leftOut = pages.flatMap((page) =>
      page.leftOut.map(({ uri, why }) => [uri.replace(`s3://${bucket}/`, ""), why]),
    );
    assert.deepEqual(Object.fromEntries(leftOut), {
      "films/": "a folder's mark",
      "films/.hidden.mp4": "its name, or a folder's, begins with a dot",
      "films/a.mp4.heimdex.json": "its name is not that of media",
      "films/empty.mp4": "it is empty",
      "films/notes.txt": "its name is not that of media",
    });
  }
});

test("thousands of objects come in pages, each once", async (t) => {
  const bucket = await newBucket();
  const keys = Array.from({ length: 2_000 }, (_, n) => `films/${String(n).padStart(4, "0")}.mp4`);
  for (let at = 0; at < keys.length; at += 50)
    await Promise.all(keys.slice(at, at + 50).map((key) => client.putObject(bucket, key, Buffer.from(key))));
  const pages = await listAll(open(t, bucket), `s3://${bucket}/films/`, 300);
  assert.deepEqual(
    pages.flatMap(({ sources }) => sources.map(({ uri }) => uri)),
    keys.map((key) => `s3://${bucket}/${key}`),
  );
  assert.ok(pages.every(({ sources }) => sources.length <= 300));
});

test("subtitles beside an object belong to it", async (t) => {
  const bucket = await newBucket();
  for (const key of ["films/a.mp4", "films/a.srt", "films/a.en.vtt", "films/ab.srt", "films/a.txt", "films/a.x/b.srt"])
    await client.putObject(bucket, key, Buffer.from(key));
  const found = await open(t, bucket).neighbours(TENANT, `s3://${bucket}/films/a.mp4`, (_, reason) =>
    assert.fail(String(reason)),
  );
  assert.deepEqual(
    found.map(({ name, mediaType, bytes }) => [name, mediaType, Buffer.from(bytes).toString()]),
    [
      ["a.en.vtt", "text/vtt", "films/a.en.vtt"],
      ["a.srt", "application/x-subrip", "films/a.srt"],
    ],
  );
});

test("a tenant names objects of its own buckets and prefixes alone", async (t) => {
  const bucket = await newBucket();
  await client.putObject(bucket, "films/acme/a.mp4", Buffer.from("a"));
  const sources = open(t, bucket, { prefix: "films/{tenant}/", tenants: ["acme", "globex"] });
  const uri = `s3://${bucket}/films/acme/a.mp4`;
  assert.equal((await sources.stat("acme", uri)).size, 1);
  assert.equal((await listAll(sources, `s3://${bucket}/films/acme/`, 10, "acme"))[0]?.sources.length, 1);
  for (const [tenant, other] of [
    ["globex", uri],
    ["default", uri],
    ["acme", `s3://${bucket}/films/globex/a.mp4`],
    ["acme", `s3://${bucket}/films/`],
    ["acme", "s3://another/films/acme/a.mp4"],
  ] as const)
    await assert.rejects(sources.check(tenant, other), failedAs("SOURCE_REFUSED"), `${tenant} ${other}`);
});

test("a key that is refused, a bucket that is gone and a store that is away are three things", async (t) => {
  const bucket = await newBucket();
  await client.putObject(bucket, "a.mp4", Buffer.from("a"));
  const uri = `s3://${bucket}/a.mp4`;
  await assert.rejects(open(t, bucket, { secret_key: "wrong" }).stat(TENANT, uri), failedAs("SOURCE_UNREADABLE"));
  await assert.rejects(
    open(t, "no-such-bucket").list(TENANT, "s3://no-such-bucket/", "", 10),
    failedAs("SOURCE_UNREADABLE"),
  );
  await assert.rejects(open(t, bucket).stat(TENANT, `s3://${bucket}/b.mp4`), failedAs("SOURCE_NOT_FOUND"));
  const away = open(t, bucket, { endpoint: "http://127.0.0.1:9" });
  await assert.rejects(away.stat(TENANT, uri), failedAs("SOURCE_UNAVAILABLE"));
});
