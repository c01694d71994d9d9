import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { activeTerm } from "@heimdex/kernel";
import { openPlatform } from "../access/platform.fixture.ts";
import { start } from "./heimdex.fixture.ts";
import { indexShape } from "./shapes.fixture.ts";

/** A gateway elsewhere, and the command line with an editor's key of `acme`. */
async function elsewhere(t: TestContext, options: Parameters<typeof openPlatform>[1] = {}) {
  const platform = await openPlatform(t, options);
  const { secret } = await platform.issue("acme", "editor");
  const env = { HEIMDEX_ENDPOINT: platform.gateway.grpcAddress, HEIMDEX_KEY: secret, XDG_STATE_HOME: platform.folder };
  const index = async (...args: string[]) => {
    const { code, stdout, stderr } = await start(t, ["--json", "index", ...args], { env }).ended;
    return { code, stderr, assets: indexShape.parse(JSON.parse(stdout)).assets };
  };
  const films = join(platform.folder, "mine");
  await mkdir(films);
  const film = async (name: string, content: string) => {
    await writeFile(join(films, name), content);
    return join(films, name);
  };
  const key = (content: string) => ({
    tenant: "acme",
    sha256: createHash("sha256").update(content).digest("hex"),
    size: Buffer.byteLength(content),
  });
  return { ...platform, index, films, film, key, env };
}

test("a folder here is brought to the gateway elsewhere, and what it has already is not sent again", async (t) => {
  const { index, film, films, key, ports } = await elsewhere(t);
  const one = await film("one.mp4", "the first film");
  const two = await film("two ü.mp4", "the second film");
  await film("notes.txt", "no film");
  const first = await index(films);
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(
    first.assets.map(({ source, state }) => [source, state]),
    [
      [one, "SUCCEEDED"],
      [two, "SUCCEEDED"],
    ],
  );
  assert.match(first.stderr, /2 files of this machine go to 127\.0\.0\.1:\d+/);
  assert.match(first.stderr, /sending 14 B/);
  for (const content of ["the first film", "the second film"]) assert.ok(await ports.blobs.has(key(content)), content);
  const copy = await film("copy.mp4", "the first film");
  const again = await index(copy);
  assert.equal(again.assets[0]?.asset, first.assets[0]?.asset);
  assert.doesNotMatch(again.stderr, /sending/);
  assert.match(again.stderr, /reading 14 B/);
});

test("what lies at the gateway elsewhere is opened through it, by an address that needs no key", async (t) => {
  const { index, film, films, env } = await elsewhere(t);
  await film("gone.mp4", "only there");
  const { assets } = await index(films);
  await rm(films, { recursive: true });
  const { stdout, code, stderr } = await start(t, ["--json", "open", `${assets[0]?.asset}`, "--print"], { env }).ended;
  assert.equal(code, 0, stderr);
  const { url, ran } = JSON.parse(stdout) as { url: string; ran: boolean };
  assert.equal(ran, false);
  const answer = await fetch(url, { headers: { range: "bytes=5-9" } });
  assert.deepEqual([answer.status, await answer.text()], [206, "there"]);
});

test("what the gateway's machine has is named by URI: a folder, and a file in it", async (t) => {
  const { index, folder } = await elsewhere(t);
  const there = join(folder, "films", "server");
  await mkdir(join(there, "sub"), { recursive: true });
  for (const name of ["a.mp4", "sub/b.mkv", "c.txt"]) await writeFile(join(there, name), name);
  const uri = (path: string) => pathToFileURL(join(there, path)).href;
  const { code, assets, stderr } = await index(`${pathToFileURL(there).href}/`, uri("a.mp4"), uri("c.txt"));
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    assets.map(({ source, state }) => [source, state]),
    [
      [uri("a.mp4"), "SUCCEEDED"],
      [uri("sub/b.mkv"), "SUCCEEDED"],
      [uri("c.txt"), "SUCCEEDED"],
    ],
  );
  assert.match(stderr, /1 thing below file:.* left out: .*c\.txt \(its name is not that of media\)/);
  assert.doesNotMatch(stderr, /of this machine/);
});

test("what is wrong with one of them is said, and the others are done", async (t) => {
  const { index, film, folder } = await elsewhere(t);
  const good = await film("good.mp4", "good");
  const refused = pathToFileURL(join(folder, "keys", "secret.mp4")).href;
  const { code, assets } = await index(
    good,
    refused,
    "ftp://films.example/a.mp4",
    "https://127.0.0.1/a.mp4",
    "s3://rushes/",
  );
  assert.equal(code, 1);
  assert.deepEqual(
    assets.map(({ source, state, reason }) => [source, state, reason.split(":")[0]]).sort(),
    [
      [good, "SUCCEEDED", ""],
      [refused, "FAILED", "SOURCE_REFUSED"],
      ["ftp://films.example/a.mp4", "FAILED", "SOURCE_UNSUPPORTED"],
      ["https://127.0.0.1/a.mp4", "FAILED", "SOURCE_ADDRESS_REFUSED"],
      ["s3://rushes/", "FAILED", "SOURCE_REFUSED"],
    ].sort(),
  );
});

test("a file that goes while it is sent fails by itself", async (t) => {
  const { index, film } = await elsewhere(t);
  const gone = await film("gone.mp4", "gone");
  await rm(gone);
  const { assets } = await index(gone, await film("there.mp4", "there"));
  assert.deepEqual(assets.map(({ state }) => state).sort(), ["FAILED", "SUCCEEDED"]);
});

test("who indexes more at once than may wait is slowed down, and loses nothing", async (t) => {
  const { index, folder, ports } = await elsewhere(t, { gateway: { limits: { activeJobs: 4 } } });
  const there = join(folder, "films", "server");
  await mkdir(there, { recursive: true });
  for (let n = 0; n < 40; n++) await writeFile(join(there, `${n}.mp4`), `film ${n}`);
  let most = 0;
  const watch = setInterval(async () => {
    most = Math.max(most, await ports.catalog.count("jobs", activeTerm("acme")));
  }, 5);
  const { code, assets, stderr } = await index(`${pathToFileURL(there).href}/`);
  clearInterval(watch);
  assert.equal(code, 0, stderr);
  assert.equal(new Set(assets.map(({ asset }) => asset)).size, 40);
  // Those that ask at the same moment, 16 of them, may each be let through.
  assert.ok(most > 0 && most <= 4 + 16, `${most} jobs waited`);
});
