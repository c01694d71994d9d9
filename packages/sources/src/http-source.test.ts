import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { Sources, type SourcesOptions, sourcesConfig } from "./index.ts";
import { type FilmServer, startFilmServer } from "./testing/film-server.ts";
import { noBlobs } from "./testing/no-blobs.ts";

const TENANT = "default";
const failedAs = (id: string) => (reason: unknown) => reason instanceof HeimdexError && reason.id === id;
const never = new AbortController().signal;

function open(t: TestContext, settings: Record<string, unknown>, more: Partial<SourcesOptions> = {}): Sources {
  const sources = new Sources({ config: sourcesConfig.parse(settings), blobs: noBlobs(), roots: [], ...more });
  t.after(() => sources[Symbol.dispose]());
  return sources;
}

/** A film on a host that the settings name. */
async function served(t: TestContext, bytes: Buffer, more: Partial<SourcesOptions> = {}) {
  const film = await startFilmServer(t, bytes);
  return { film, sources: open(t, { privateHosts: film.host }, more) };
}

async function readPart(sources: Sources, film: FilmServer, start: number, end: number): Promise<Buffer> {
  const facts = await sources.stat(TENANT, film.url);
  return buffer(await sources.read(TENANT, film.url, facts, { start, end }));
}

test("a film on the web is known by its ETag, and read by ranges", async (t) => {
  const bytes = randomBytes(3_000_000);
  const { film, sources } = await served(t, bytes);
  const facts = await sources.stat(TENANT, film.url);
  assert.deepEqual(facts, { size: bytes.length, modifiedMs: Date.UTC(2026, 6, 1, 10), tag: '"1"' });
  assert.deepEqual(await readPart(sources, film, 1_000_000, 1_000_100), bytes.subarray(1_000_000, 1_000_100));
  assert.equal(
    await sources.fingerprint(TENANT, film.url, facts, never),
    createHash("sha256").update(bytes).digest("hex"),
  );
  assert.equal(film.asked[2], "bytes=1000000-1000099");
});

test("a server that knows no ranges is read all the same", async (t) => {
  const bytes = randomBytes(500_000);
  const { film, sources } = await served(t, bytes);
  film.knowsRanges = false;
  assert.deepEqual(await readPart(sources, film, 400_001, 400_011), bytes.subarray(400_001, 400_011));
  assert.deepEqual(await readPart(sources, film, 0, bytes.length), bytes);
});

test("a line that drops is taken up where it dropped", async (t) => {
  const bytes = randomBytes(900_000);
  const { film, sources } = await served(t, bytes);
  const facts = await sources.stat(TENANT, film.url);
  let drops = 3;
  film.instead = (request, response) => {
    const start = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1]);
    if (drops-- <= 0) return false;
    response.writeHead(206, {
      "content-length": bytes.length - start,
      "content-range": `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
      etag: '"1"',
    });
    response.write(bytes.subarray(start, start + 100_000), () => response.destroy());
    return true;
  };
  const whole = await buffer(await sources.read(TENANT, film.url, facts, { start: 0, end: bytes.length }));
  assert.ok(whole.equals(bytes));
  assert.ok(film.asked.length >= 5);
});

test("a source that changed while it was read is not mixed", async (t) => {
  const { film, sources } = await served(t, randomBytes(100));
  const facts = await sources.stat(TENANT, film.url);
  const read = () => sources.read(TENANT, film.url, facts, { start: 0, end: 100 });
  film.etag = '"2"';
  await assert.rejects(read(), failedAs("SOURCE_CHANGED"));
  await assert.rejects(sources.assertUnchanged(TENANT, film.url, facts), failedAs("SOURCE_CHANGED"));
  film.etag = '"1"';
  film.bytes = randomBytes(101);
  await assert.rejects(read(), failedAs("SOURCE_CHANGED"));
});

const answer = (status: number, headers: Record<string, string | number> = {}) => {
  return (_: unknown, response: ServerResponse) => {
    response.writeHead(status, headers).end();
    return true;
  };
};

for (const [what, id, instead] of [
  ["404", "SOURCE_NOT_FOUND", answer(404)],
  ["410", "SOURCE_NOT_FOUND", answer(410)],
  ["401", "SOURCE_UNREADABLE", answer(401)],
  ["403", "SOURCE_UNREADABLE", answer(403)],
  ["429", "SOURCE_UNAVAILABLE", answer(429, { "retry-after": 7 })],
  ["503", "SOURCE_UNAVAILABLE", answer(503)],
  [
    "a web page",
    "SOURCE_UNSUPPORTED",
    answer(200, { "content-type": "text/html; charset=utf-8", "content-length": 0 }),
  ],
  ["no length", "SOURCE_UNSUPPORTED", answer(200, { "transfer-encoding": "chunked" })],
  ["gzip", "SOURCE_UNSUPPORTED", answer(200, { "content-encoding": "gzip", "content-length": 0 })],
  ["nothing at all", "SOURCE_UNAVAILABLE", (_: unknown, response: ServerResponse) => response.destroy() !== undefined],
  ["silence", "SOURCE_UNAVAILABLE", () => true],
  ["a redirect without end", "SOURCE_UNREADABLE", answer(302, { location: "/again" })],
  ["a redirect to a file", "SOURCE_UNSUPPORTED", answer(302, { location: "file:///etc/passwd" })],
  ["a redirect to the machine itself", "SOURCE_ADDRESS_REFUSED", answer(302, { location: "https://127.0.0.1/" })],
  ["a redirect to metadata", "SOURCE_ADDRESS_REFUSED", answer(307, { location: "https://169.254.169.254/latest" })],
  ["a redirect to mapped metadata", "SOURCE_ADDRESS_REFUSED", answer(301, { location: "https://[::ffff:a9fe:a9fe]/" })],
  ["a redirect to a private name", "SOURCE_ADDRESS_REFUSED", answer(308, { location: "https://intranet.example/" })],
  ["a redirect to plain HTTP", "SOURCE_UNSUPPORTED", answer(302, { location: "http://films.example/" })],
] as const) {
  test(`a server that answers ${what} is ${id}`, async (t) => {
    const resolve = async () => ["10.1.2.3"];
    const { film, sources } = await served(t, Buffer.from("film"), { silenceMs: 300, resolve });
    film.instead = instead;
    await assert.rejects(sources.stat(TENANT, film.url), (reason: unknown) => {
      assert.ok(reason instanceof HeimdexError);
      assert.equal(reason.id, id);
      if (what === "429") assert.equal(reason.retryAfterMs, 7_000);
      return true;
    });
  });
}

test("a redirect within what may be read is followed", async (t) => {
  const { film, sources } = await served(t, Buffer.from("film"));
  film.instead = (request, response) => {
    if (request.url === "/moved.mp4") return false;
    response.writeHead(302, { location: "/moved.mp4" }).end();
    return true;
  };
  assert.equal((await readPart(sources, film, 0, 4)).toString(), "film");
});

test("more than the limit is not read", async (t) => {
  const film = await startFilmServer(t, randomBytes(11));
  const sources = open(t, { privateHosts: film.host, maxBytes: 10 });
  await assert.rejects(sources.stat(TENANT, film.url), failedAs("SOURCE_TOO_LARGE"));
});

test("hosts of private networks are for the operator's tenant, and only those that are named", async (t) => {
  const film = await startFilmServer(t, Buffer.from("film"));
  const named = open(t, { privateHosts: `${film.host},nas.example` });
  await named.stat(TENANT, film.url);
  await assert.rejects(named.stat("acme", film.url), failedAs("SOURCE_UNSUPPORTED"));
  await assert.rejects(named.check("acme", film.url), failedAs("SOURCE_UNSUPPORTED"));
  const unnamed = open(t, {});
  await assert.rejects(unnamed.stat(TENANT, film.url), failedAs("SOURCE_UNSUPPORTED"));
  await assert.rejects(unnamed.check(TENANT, film.url.replace("http:", "https:")), failedAs("SOURCE_ADDRESS_REFUSED"));
  assert.equal(film.asked.length, 1);
});

test("a name is looked up once for a connection, and what was looked up is what it goes to", async (t) => {
  const film = await startFilmServer(t, Buffer.from("film"));
  const answers = [["127.0.0.1"], ["10.0.0.1"]];
  const asked: string[] = [];
  const resolve = async (name: string) => {
    asked.push(name);
    return answers.shift() ?? assert.fail("it was looked up again");
  };
  const host = film.host.replace("127.0.0.1", "films.example");
  const sources = open(t, { privateHosts: host }, { resolve });
  await sources.stat(TENANT, `http://${host}/a.mp4`);
  // Where no host is named, the same look-up lets no private address through.
  await assert.rejects(
    open(t, {}, { resolve }).stat(TENANT, "https://films.example/a.mp4"),
    failedAs("SOURCE_ADDRESS_REFUSED"),
  );
  assert.deepEqual(asked, ["films.example", "films.example"]);
});
