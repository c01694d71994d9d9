import assert from "node:assert/strict";
import { chmod, mkdir, rm, symlink, truncate, utimes, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { HeimdexError } from "@heimdex/errors";
import { defineStage, json as port, source } from "@heimdex/stage-sdk";
import { z } from "zod";
import { json, manifest } from "./testing/raw-worker.ts";
import { counting, film, probe, type Runs } from "./testing/stages.ts";
import { World } from "./testing/world.ts";

test("two copies of one file are one asset with two sources, and the second costs nothing", async (t) => {
  const world = await World.open(t);
  const runs: Runs = new Map();
  await world.serve([probe(runs)]);
  const uris = [await world.file("b.json", film()), await world.file("copies/a.json", film())];
  const [one, two] = [await world.index(uris[0] as string), await world.index(uris[1] as string)];
  assert.equal(two.asset, one.asset);
  assert.deepEqual([two.steps[0]?.state, runs.get("made.probe")], ["CACHED", 1]);
  const asset = await world.indexed(one.asset);
  assert.deepEqual(
    asset.sources.map(({ uri, missing }) => [uri, missing]),
    uris.sort().map((uri) => [uri, false]),
  );
  assert.deepEqual(
    (await world.sidecar(one.asset)).asset.sources.map(({ uri }) => uri),
    uris,
  );
  assert.equal((await world.all("assets")).length, 1);
});

test("two jobs of one asset at once: the second waits for the first and finds all cached", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const uri = await world.file("a.bin", "a");
  const first = await world.create(uri);
  const lease = await worker.lease();
  const others = [await world.create(uri), await world.create(await world.file("copy.bin", "a"))];
  for (const other of others) {
    const waiting = await world.untilJob(other, ({ joined }) => joined !== "", "joins");
    assert.deepEqual([waiting.state, waiting.joined], ["QUEUED", first]);
  }
  assert.deepEqual(await worker.acquire({ waitMs: 0 }), []);
  await worker.complete(lease, [json("out", 1)]);
  for (const id of [first, ...others]) assert.equal((await world.settled(id)).state, "SUCCEEDED");
  assert.deepEqual(
    (await Promise.all(others.map((id) => world.step(id, "made.one")))).map(({ state }) => state),
    ["CACHED", "CACHED"],
  );
});

test("a job that joined one that failed is run itself, also after a restart in between", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const uri = await world.file("a.bin", "a");
  const first = await world.create(uri);
  const lease = await worker.lease();
  const second = await world.create(uri);
  await world.untilJob(second, ({ joined }) => joined !== "", "joins");
  await world.restart();
  const again = await world.worker();
  again.session = worker.session;
  await again.fail(lease, { kind: "TERMINAL" });
  assert.equal((await world.settled(first)).state, "FAILED");
  const own = await again.lease({ slots: { "made.one": 1 } });
  assert.equal(own.job, second);
  await again.complete(own, [json("out", 1)]);
  assert.equal((await world.settled(second)).state, "SUCCEEDED");
});

test("a file that changes while a stage reads it rejects the result, and the next job reads it anew", async (t) => {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(manifest("made.one"));
  const uri = await world.file("a.bin", "before");
  const job = await world.create(uri);
  const lease = await worker.lease();
  await world.file("a.bin", "after it");
  const url = lease.inputs[0]?.content?.$case === "url" ? lease.inputs[0].content.value : "";
  assert.equal((await fetch(url)).status, 409);
  const answer = await worker.complete(lease, [json("out", 1)]);
  assert.deepEqual([answer.result, answer.reason], ["REFUSED", "SOURCE_CHANGED"]);
  const ended = await world.settled(job);
  assert.equal(ended.state, "FAILED");
  assert.match(ended.reason, /^SOURCE_CHANGED: .*a\.bin changed while it was read/);
  const next = await world.create(uri);
  await worker.complete(await worker.lease(), [json("out", 1)]);
  assert.notEqual((await world.settled(next)).asset, ended.asset);
});

test("a touched file is read again and is the same asset; a replaced one leaves the old asset without its source", async (t) => {
  const world = await World.open(t);
  await world.serve([probe()]);
  const uri = await world.file("a.json", film({ salt: "1" }));
  const first = await world.index(uri);
  await utimes(world.path("a.json"), new Date(), new Date(1_000_000));
  assert.equal((await world.index(uri)).asset, first.asset);
  await world.file("a.json", film({ salt: "2" }));
  const second = await world.index(uri);
  assert.notEqual(second.asset, first.asset);
  assert.deepEqual(
    (await world.asset(first.asset)).sources.map(({ missing }) => missing),
    [true],
  );
  assert.deepEqual(
    (await world.asset(second.asset)).sources.map(({ missing }) => missing),
    [false],
  );
  await rm(world.path("a.json"));
  const gone = await world.index(uri);
  assert.equal(gone.state, "FAILED");
  assert.match(gone.reason, /^SOURCE_NOT_FOUND: there is no file .*a\.json$/);
  assert.deepEqual(
    (await world.asset(second.asset)).sources.map(({ missing }) => missing),
    [true],
  );
});

test("a source that cannot be read ends its job with the reason, and stops nobody else", async (t) => {
  const world = await World.open(t);
  await world.serve([probe()]);
  await mkdir(world.path("folder"), { recursive: true });
  await symlink(world.path("loop"), world.path("loop"));
  const href = (name: string) => pathToFileURL(world.path(name)).href;
  const cases: [string, RegExp][] = [
    [href("missing.mp4"), /^SOURCE_NOT_FOUND: /],
    [href("folder"), /^SOURCE_UNSUPPORTED: .* is not a regular file/],
    [href(`${"x".repeat(300)}.mp4`), /^SOURCE_NOT_FOUND: /],
    [href("loop"), /^SOURCE_UNREADABLE: /],
  ];
  if (process.getuid?.() !== 0) {
    // Root reads everything.
    await writeFile(world.path("secret.mp4"), "x");
    await chmod(world.path("secret.mp4"), 0);
    cases.push([href("secret.mp4"), /^SOURCE_UNREADABLE: .*permission denied/]);
  }
  const jobs = await Promise.all(cases.map(([uri]) => world.create(uri)));
  const fine = await world.index(await world.file("a b % ü\n#?.json", film()));
  assert.equal(fine.state, "SUCCEEDED", fine.reason);
  assert.equal((await world.asset(fine.asset)).title, "a b % ü\n#?.json");
  for (const [index, [uri, reason]] of cases.entries()) {
    const job = await world.settled(jobs[index] as string);
    assert.equal(job.state, "FAILED", uri);
    assert.match(job.reason, reason);
    assert.notEqual(job.help, "");
  }
});

test("what can never be read is refused before there is a job", async (t) => {
  const world = await World.open(t);
  for (const uri of [
    "",
    "films/a.mp4",
    "/films/a.mp4",
    "ftp://films.example/a.mp4",
    "http://films.example/a.mp4",
    "https://me:secret@films.example/a.mp4",
    "s3://bucket\n/a.mp4",
    "file://elsewhere/a.mp4",
    "file:///a%ZZ.mp4",
    "file:///a%00.mp4",
    "file:///a%2Fb.mp4",
    "file:///a.mp4#b",
    "file:///a.mp4?b",
  ]) {
    await assert.rejects(
      world.create(uri),
      (reason: unknown) => reason instanceof HeimdexError && reason.id === "SOURCE_UNSUPPORTED",
      uri,
    );
  }
  assert.deepEqual(await world.all("jobs"), []);
  await world.serve([probe()]);
  const uri = await world.file("a.json", film());
  const odd = await world.index(uri.replace("file:///", "file://localhost/").replace("a.json", "x/../a.json"));
  assert.equal(odd.sourceUri, uri);
});

test("neighbours that cannot be read are left out", async (t) => {
  const world = await World.open(t);
  await world.serve([counting()]);
  const uri = await world.file("a.json", film());
  await symlink(world.path("nowhere"), world.path("a.srt"));
  assert.equal((await world.index(uri)).state, "SUCCEEDED");
  assert.ok(world.logged.some(({ msg }) => msg.includes("left out")));
});

test("without any stage a job says that there is no worker", async (t) => {
  const world = await World.open(t);
  const job = await world.index(await world.file("a.json", film()));
  assert.deepEqual([job.state, job.reason.split(":")[0]], ["FAILED", "NO_WORKER"]);
});

test("a large file is read once, however often the sweeps find its job waiting", async (t) => {
  const world = await World.open(t, { healEveryMs: 5 });
  await world.serve([silentStage]);
  const uri = await world.file("large.bin", "");
  await truncate(world.path("large.bin"), 96 * 1024 * 1024);
  const job = await world.index(uri);
  assert.equal(job.state, "SUCCEEDED");
  assert.equal((await world.spans(job.id)).filter(({ name }) => name === "seen").length, 1);
});

const silentStage = defineStage({
  name: "made.silent",
  version: "1.0.0",
  behaviour: 1,
  description: "Reads nothing.",
  inputs: { source: source() },
  outputs: { out: port("made.silent-out", z.number()) },
  run: async () => ({ out: 1 }),
});
