import assert from "node:assert/strict";
import { test } from "node:test";
import { sourcesConfig } from "@heimdex/sources";
import { startFilmServer } from "@heimdex/sources/testing";
import { json, manifest } from "./testing/raw-worker.ts";
import { film, probe, type Runs } from "./testing/stages.ts";
import { World } from "./testing/world.ts";

test("a film on the web is indexed, known again without being read, and read anew when it changed", async (t) => {
  const server = await startFilmServer(t, Buffer.from(film({ salt: "1" })));
  const world = await World.open(t, { sources: sourcesConfig.parse({ privateHosts: server.host }) });
  const runs: Runs = new Map();
  await world.serve([probe(runs)]);
  const first = await world.index(server.url);
  assert.equal(first.state, "SUCCEEDED", first.reason);
  const asset = await world.indexed(first.asset);
  assert.deepEqual(
    asset.sources.map(({ uri, tag, missing }) => [uri, tag, missing]),
    [[server.url, '"1"', false]],
  );
  assert.equal((await world.sidecar(first.asset)).asset.title, "harbour at night.mp4");
  const asked = server.asked.length;
  const again = await world.index(server.url);
  assert.deepEqual([again.asset, runs.get("made.probe")], [first.asset, 1]);
  assert.deepEqual(server.asked.slice(asked), ["bytes=0-0"]);
  server.bytes = Buffer.from(film({ salt: "2" }));
  server.etag = '"2"';
  const changed = await world.index(server.url);
  assert.notEqual(changed.asset, first.asset);
  assert.deepEqual(
    (await world.asset(first.asset)).sources.map(({ missing }) => missing),
    [true],
  );
});

test("a film on the web that says nothing of its version is read each time", async (t) => {
  const server = await startFilmServer(t, Buffer.from(film({ salt: "1" })));
  server.etag = undefined;
  server.modified = undefined;
  const world = await World.open(t, { sources: sourcesConfig.parse({ privateHosts: server.host }) });
  await world.serve([probe()]);
  const first = await world.index(server.url);
  const other = Buffer.from(film({ salt: "2" }));
  assert.equal(other.length, server.bytes.length);
  server.bytes = other;
  assert.notEqual((await world.index(server.url)).asset, first.asset);
});

test("a worker reads ranges of it through its lease; one that changed meanwhile rejects the result", async (t) => {
  const server = await startFilmServer(t, Buffer.from("0123456789"));
  const world = await World.open(t, { sources: sourcesConfig.parse({ privateHosts: server.host }) });
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const job = await world.create(server.url);
  const lease = await worker.lease();
  assert.equal(lease.sourceName, "harbour at night.mp4");
  const [input] = lease.inputs;
  assert.equal(input?.path, "");
  const url = input?.content?.$case === "url" ? input.content.value : "";
  const part = await fetch(url, { headers: { range: "bytes=3-5" } });
  assert.deepEqual([part.status, await part.text()], [206, "345"]);
  server.etag = '"2"';
  assert.equal((await fetch(url)).status, 409);
  const answer = await worker.complete(lease, [json("out", 1)]);
  assert.deepEqual([answer.result, answer.reason], ["REFUSED", "SOURCE_CHANGED"]);
  assert.match((await world.settled(job)).reason, /^SOURCE_CHANGED: http:/);
});

test("a server that is away is asked again, and then the job says so; one that has the film no longer, at once", async (t) => {
  const server = await startFilmServer(t, Buffer.from(film()));
  const world = await World.open(t, { sources: sourcesConfig.parse({ privateHosts: server.host }) });
  await world.serve([probe()]);
  const first = await world.index(server.url);
  let refusals = 1;
  server.instead = (_, response) => {
    if (refusals-- > 0) response.writeHead(503).end();
    return refusals >= 0;
  };
  assert.equal((await world.index(server.url, { reread: true })).state, "SUCCEEDED");
  server.instead = (_, response) => response.destroy() !== undefined;
  const away = await world.index(server.url);
  assert.deepEqual([away.state, away.reason.split(":")[0]], ["FAILED", "SOURCE_UNAVAILABLE"]);
  assert.equal((await world.asset(first.asset)).sources[0]?.missing, false);
  server.instead = (_, response) => response.writeHead(404).end() !== undefined;
  const gone = await world.index(server.url);
  assert.deepEqual([gone.state, gone.reason.split(":")[0]], ["FAILED", "SOURCE_NOT_FOUND"]);
  assert.equal((await world.asset(first.asset)).sources[0]?.missing, true);
});

test("a file does not wait for films on the web, however many are being read", async (t) => {
  const server = await startFilmServer(t, Buffer.from(film({ salt: "web" })));
  const world = await World.open(t, { sources: sourcesConfig.parse({ privateHosts: server.host }) });
  await world.serve([probe()]);
  const held: (() => void)[] = [];
  let isHeld = true;
  server.instead = (_, response) => {
    if (isHeld) held.push(() => response.writeHead(503).end());
    return isHeld;
  };
  const far = [];
  for (let n = 0; n < 20; n++) far.push(await world.create(`${server.url}?n=${n}`));
  await world.until(async () => (held.length > 0 ? true : undefined), "they are being read");
  assert.equal((await world.index(await world.file("near.json", film({ salt: "near" })))).state, "SUCCEEDED");
  assert.ok(held.length <= 4, `${held.length} at once`);
  isHeld = false;
  for (const release of held) release();
  for (const job of far) assert.equal((await world.settled(job)).state, "SUCCEEDED");
});
