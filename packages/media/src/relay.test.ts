import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import { MediaError } from "./media-error.ts";
import { probe } from "./probe.ts";
import { throughRelay } from "./relay.ts";

const run = promisify(execFile);
const SECRET = "signature=of-this-lease";
/** What becomes of a request: its status, its bytes up to so many, nothing at all, or the connection's end. */
type Fate = number | { readonly upTo: number } | "silence" | "hang up";

/** A server of some bytes that meets each request with the next fate, and serves whatever comes after them as it should. */
async function source(t: TestContext, bytes: Buffer, ...fates: Fate[]) {
  const asked: string[] = [];
  const silent: ServerResponse[] = [];
  const server = createServer((request, response) => {
    asked.push(request.headers.range ?? "all");
    const fate = fates.shift();
    if (fate === "hang up") request.socket.destroy();
    if (fate === "silence") silent.push(response);
    if (typeof fate === "string") return;
    if (typeof fate === "number") {
      response.writeHead(fate).end("no film");
      return;
    }
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
    const from = Number(range?.[1] ?? 0);
    const end = Math.min(bytes.length, range?.[2] ? Number(range[2]) + 1 : bytes.length);
    response.writeHead(range === null ? 200 : 206, {
      "accept-ranges": "bytes",
      "content-length": end - from,
      ...(range === null ? {} : { "content-range": `bytes ${from}-${end - 1}/${bytes.length}` }),
    });
    if (fate === undefined) response.end(bytes.subarray(from, end));
    else response.write(bytes.subarray(from, from + fate.upTo), () => setImmediate(() => response.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/film?${SECRET}`, asked };
}

const read = (range?: string) => async (location: string) => {
  const answer = await fetch(location, { headers: range === undefined ? {} : { range } });
  const { status, headers } = answer;
  return { status, range: headers.get("content-range"), bytes: Buffer.from(await answer.arrayBuffer()) };
};

const unreadable = (reason: string, message: RegExp) => (error: unknown) => {
  assert.ok(error instanceof MediaError, String(error));
  assert.equal(error.reason, reason);
  assert.match(error.message, message);
  assert.doesNotMatch(error.message, new RegExp(SECRET));
  return true;
};

test("connections that break off, hang, or are answered that it is too much just now are taken up where they ended", async (t) => {
  const bytes = randomBytes(300_000);
  const fates: Fate[] = ["hang up", 503, { upTo: 70_000 }, "silence", 429, { upTo: 1 }, { upTo: 0 }];
  const { url, asked } = await source(t, bytes, ...fates);
  const all = await throughRelay(url, read(), { silenceMs: 200 });
  assert.deepEqual([all.status, all.bytes.equals(bytes)], [200, true]);
  assert.deepEqual(asked.slice(-4), ["bytes=70000-", "bytes=70000-", "bytes=70001-", "bytes=70001-"]);
});

test("parts are parts, also when they come in pieces", async (t) => {
  const bytes = randomBytes(300_000);
  const { url, asked } = await source(t, bytes, { upTo: 1_000 }, { upTo: 500 });
  const part = await throughRelay(url, read("bytes=2000-4999"));
  assert.deepEqual([part.status, part.range], [206, "bytes 2000-4999/300000"]);
  assert.ok(part.bytes.equals(bytes.subarray(2_000, 5_000)));
  assert.deepEqual(asked, ["bytes=2000-4999", "bytes=3000-4999", "bytes=3500-4999"]);
  const end = await throughRelay(url, read("bytes=299999-"));
  assert.ok(end.bytes.equals(bytes.subarray(-1)));
});

test("what cannot be read any more is said so, whatever the tool made of what it got", async (t) => {
  for (const [status, reason] of [
    [403, "SOURCE_UNREADABLE"],
    [404, "SOURCE_NOT_FOUND"],
  ] as const) {
    const { url } = await source(t, randomBytes(300_000), { upTo: 1_000 }, status);
    const tool = async (location: string) => {
      await read()(location).catch(() => undefined);
      return "it ended well";
    };
    await assert.rejects(throughRelay(url, tool), unreadable(reason, new RegExp(`answered ${status}`)));
    const { url: other } = await source(t, randomBytes(300_000), status);
    const failing = async (location: string) => {
      assert.equal((await read()(location)).status, 502);
      throw new MediaError("NOT_MEDIA", "no media was found in the file", { help: "Name a video or sound file." });
    };
    await assert.rejects(throughRelay(other, failing), unreadable(reason, new RegExp(`answered ${status}`)));
  }
});

test("a source that stays away is given up in the end", async (t) => {
  const { url } = await source(t, randomBytes(1_000), ...Array.from({ length: 100 }, () => "hang up" as const));
  await assert.rejects(throughRelay(url, read(), { patienceMs: 500 }), unreadable("SOURCE_UNREADABLE", /./));
  const silent = await source(t, randomBytes(1_000), ...Array.from({ length: 100 }, () => "silence" as const));
  const times = { patienceMs: 500, silenceMs: 100 };
  await assert.rejects(throughRelay(silent.url, read(), times), unreadable("SOURCE_UNREADABLE", /nothing came/));
});

test("what is wrong with the work itself, or the end of it, is no fault of the source", async (t) => {
  const { url } = await source(t, randomBytes(5_000_000));
  const stopping = new Error("told to stop");
  const stopped = throughRelay(url, async (location) => {
    const { body } = await fetch(location);
    await body?.getReader().read();
    throw stopping;
  });
  await assert.rejects(stopped, stopping);
  assert.equal(await throughRelay("/a/path", async (location) => location), "/a/path");
  const guessed = throughRelay(url, async (location) => (await fetch(new URL("/film", location))).status);
  assert.equal(await guessed, 404);
});

test("ffprobe finds in a film that comes in pieces what is in it, and junk is still junk", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-relay-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "film.mp4");
  const picture = ["-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=3", "-c:v", "libx264", "-preset", "ultrafast"];
  await run("ffmpeg", ["-v", "error", "-nostdin", ...picture, file]); // its index comes last
  const film = await readFile(file);
  const fates: Fate[] = ["hang up", { upTo: 40_000 }, 503, "hang up", { upTo: 100 }, { upTo: 100 }, 503];
  const { url } = await source(t, film, ...fates);
  assert.deepEqual(await throughRelay(url, (location) => probe(location)), await probe(file));
  const junk = await source(t, randomBytes(50_000), "hang up");
  const probing = throughRelay(junk.url, (location) => probe(location));
  await assert.rejects(probing, unreadable("NOT_MEDIA", /no media/));
});
