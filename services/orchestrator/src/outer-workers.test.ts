import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { sha256Hex } from "./ids.ts";
import { manifest, port, source } from "./testing/raw-worker.ts";
import { World } from "./testing/world.ts";

const OUTSIDE = "http://films.example:8483";
const BYTES = { schema: "x.bytes", mediaType: "application/octet-stream" };
const make = manifest("made.make", { outputs: [port("out", BYTES)] });
const take = manifest("made.take", {
  inputs: [source, port("in", BYTES)],
  outputs: [port("out", { ...BYTES, schema: "x.more" })],
});

test("a worker outside is given URLs that are reached from there, by every replica, and no paths whatever it proves", async (t) => {
  const world = await World.open(t, { outerWorkerAddress: "127.0.0.1:0", outerDataUrl: OUTSIDE });
  const other = await world.replica();
  const near = await world.worker();
  const outer = await world.worker(undefined, world.outerAddress);
  const there = outer.at(other.workerAddress);
  world.defer(() => there.close());
  assert.equal(outer.session.mountProbe, "");
  const proof = await readFile(near.session.mountProbe, "utf8");
  await near.register(make);
  await outer.register(take);

  await world.create(await world.file("film.bin", "0123456789"));
  const made = await near.lease({ proof });
  assert.ok(made.inputs[0]?.path.endsWith("film.bin"));
  const bytes = Buffer.from("made near");
  const [nearUpload = ""] = await near.uploads(made, [bytes.length]);
  assert.ok(nearUpload.startsWith("http://127.0.0.1:"), nearUpload);
  const inner = new URL(nearUpload).origin;
  /** What the address outside leads to. */
  const through = (url: string) => {
    assert.ok(url.startsWith(`${OUTSIDE}/`), url);
    return url.replace(OUTSIDE, inner);
  };
  await fetch(nearUpload, { method: "PUT", body: bytes });
  const artifact = { ...BYTES, port: "out", sha256: sha256Hex(bytes), size: bytes.length, path: "", name: "" };
  await near.complete(made, [{ ...artifact, content: { $case: "upload", value: 0 } }]);

  const taken = await outer.lease({ proof, slots: { [take.name]: 1 } });
  const read = [];
  for (const { path, content } of taken.inputs) {
    assert.equal(path, "");
    assert.equal(content?.$case, "url");
    read.push(await (await fetch(through(content.value))).text());
  }
  assert.deepEqual(read, ["0123456789", "made near"]);
  for (const replica of [outer, there]) {
    const [upload = ""] = await replica.uploads(taken, [3]);
    assert.equal((await fetch(through(upload), { method: "PUT", body: "new" })).status, 200);
  }
});
