import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { access, readdir, readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import type { Lease } from "@heimdex/contracts/stage/v1/work_service";
import { HeimdexError } from "@heimdex/errors";
import { json, manifest, port, source } from "./testing/raw-worker.ts";
import { TENANT, World } from "./testing/world.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

function input(lease: Lease, name: string) {
  const found = lease.inputs.find((candidate) => candidate.port === name);
  assert.ok(found, `no input ${name}`);
  assert.equal(found.content?.$case, "url");
  return { ...found, url: found.content.value };
}

async function leased(t: Parameters<typeof World.open>[0], content = "0123456789") {
  const world = await World.open(t);
  const worker = await world.worker();
  await worker.register(
    manifest("made.one", { outputs: [port("out", { schema: "x.bin", mediaType: "application/octet-stream" })] }),
  );
  await worker.register(
    manifest("made.two", {
      inputs: [source, port("in", { schema: "x.bin", mediaType: "application/octet-stream" })],
      outputs: [port("out", { schema: "x.end" })],
    }),
  );
  const job = await world.create(await world.file("ein Film.bin", content));
  const lease = await worker.lease({ slots: { "made.one": 1 } });
  return { world, worker, job, lease };
}

/** The blob that a first attempt of `made.one` put out. */
function out(
  bytes: Uint8Array,
  content: { $case: "inline"; value: Buffer } | { $case: "upload"; value: number },
  more = {},
) {
  return {
    port: "out",
    mediaType: "application/octet-stream",
    sha256: sha256(bytes),
    size: bytes.byteLength,
    path: "",
    name: "",
    content,
    ...more,
  };
}

function put(url: string, bytes: Uint8Array, headers: Record<string, string> = {}) {
  return fetch(url, { method: "PUT", body: bytes, headers });
}

test("URLs give the source and blobs, whole and in ranges, to whoever holds the lease", async (t) => {
  const { worker, lease } = await leased(t);
  const { url, size, sha256: digest, path } = input(lease, "source");
  assert.deepEqual([lease.sourceName, size, digest, path], ["ein Film.bin", 10, sha256(Buffer.from("0123456789")), ""]);
  for (const [range, status, body, contentRange] of [
    [undefined, 200, "0123456789", null],
    ["bytes=0-3", 206, "0123", "bytes 0-3/10"],
    ["bytes=7-", 206, "789", "bytes 7-9/10"],
    ["bytes=-2", 206, "89", "bytes 8-9/10"],
    ["bytes=4-400", 206, "456789", "bytes 4-9/10"],
    ["bytes=10-", 416, "", "bytes */10"],
    ["bytes=-0", 416, "", "bytes */10"],
    ["bytes=0-1,3-4", 200, "0123456789", null],
  ] as const) {
    const response = await fetch(url, { headers: range === undefined ? {} : { range } });
    assert.deepEqual(
      [response.status, await response.text(), response.headers.get("content-range")],
      [status, body, contentRange],
      range,
    );
  }
  const head = await fetch(url, { method: "HEAD" });
  assert.deepEqual(
    [head.status, head.headers.get("content-length"), head.headers.get("accept-ranges")],
    [200, "10", "bytes"],
  );
  assert.equal((await fetch(url, { method: "DELETE" })).status, 400);
  // The last character but one: the last has bits that mean nothing.
  assert.equal((await fetch(url.replace(/.(?=.$)/, (char) => (char === "A" ? "B" : "A")))).status, 403);
  const bytes = Buffer.from("pictures");
  await worker.complete(lease, [out(bytes, { $case: "inline", value: bytes })]);
  const second = await worker.lease({ slots: { "made.two": 1 } });
  assert.equal(await (await fetch(input(second, "in").url, { headers: { range: "bytes=3-5" } })).text(), "tur");
  const over = await fetch(url);
  assert.deepEqual(
    [over.status, ((await over.json()) as { error: { id: string } }).error.id],
    [409, "LEASE_SUPERSEDED"],
  );
});

test("what is longer than Cloud Run passes on with its length stated comes whole in chunks, in ranges too", async (t) => {
  const { lease } = await leased(t, "frame".repeat(8 * 1024 ** 2));
  const { url, size, sha256: digest } = input(lease, "source");
  const whole = await fetch(url);
  assert.deepEqual([whole.status, whole.headers.get("content-length")], [200, null]);
  assert.equal(sha256(await whole.bytes()), digest);
  const rest = await fetch(url, { headers: { range: "bytes=5-" } });
  assert.deepEqual(
    [rest.status, rest.headers.get("content-length"), rest.headers.get("content-range")],
    [206, null, `bytes 5-${size - 1}/${size}`],
  );
  assert.equal((await rest.bytes()).length, size - 5);
  const head = await fetch(url, { method: "HEAD" });
  assert.equal(head.headers.get("content-length"), String(size));
});

test("a worker that proves it sees the same disk is given paths besides URLs; a wrong proof gives none", async (t) => {
  const { worker, lease, world } = await leased(t);
  await worker.release(lease);
  const wrong = await worker.lease({ slots: { "made.one": 1 }, proof: "guessed" });
  assert.equal(input(wrong, "source").path, "");
  await worker.release(wrong);
  const proof = await readFile(worker.session.mountProbe, "utf8");
  const right = await worker.lease({ slots: { "made.one": 1 }, proof });
  assert.equal(input(right, "source").path, world.path("ein Film.bin"));
  const bytes = Buffer.from("pictures");
  await worker.complete(right, [out(bytes, { $case: "inline", value: bytes })]);
  const second = await worker.lease({ slots: { "made.two": 1 } });
  assert.deepEqual(await readFile(input(second, "in").path), bytes);
});

test("an upload becomes a blob when its lease is finished, and what was not used goes", async (t) => {
  const { world, worker, job, lease } = await leased(t);
  const bytes = Buffer.alloc(300_000, "frames ");
  const [first, second] = await worker.uploads(lease, [bytes.length, 5]);
  const stored = await put(first as string, bytes);
  assert.deepEqual([stored.status, await stored.json()], [200, { sha256: sha256(bytes), size: bytes.length }]);
  assert.equal((await put(second as string, Buffer.from("extra"))).status, 200);
  assert.equal((await worker.complete(lease, [out(bytes, { $case: "upload", value: 0 })])).result, "ACCEPTED");
  assert.equal((await world.step(job, "made.one")).outputs[0]?.sha256, sha256(bytes));
  assert.ok(await world.ports.blobs.has({ tenant: TENANT, sha256: sha256(bytes), size: bytes.length }));
  await world.until(
    async () => ((await world.ports.blobs.usage(TENANT)).uploads === 0 ? true : undefined),
    "the other upload goes",
  );
});

test("uploads have the size that was asked for", async (t) => {
  const { worker, lease } = await leased(t);
  const [url] = await worker.uploads(lease, [4]);
  assert.equal((await put(url as string, Buffer.from("12345"))).status, 413);
  assert.equal((await put(url as string, Buffer.from("123"))).status, 400);
  const chunked = await new Promise<number>((resolve, reject) => {
    const sent = request(url as string, { method: "PUT", headers: { "transfer-encoding": "chunked" } }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.once("error", reject);
    sent.end("1234");
  });
  assert.equal(chunked, 400);
  assert.equal((await fetch(url as string)).status, 400);
  assert.equal((await put(url as string, Buffer.from("1234"))).status, 200);
  await assert.rejects(worker.uploads(lease, [2 ** 50]), (reason: HeimdexError) => reason.id === "BLOB_TOO_LARGE");
  await assert.rejects(
    worker.uploads({ ...lease, epoch: 9 }, [1]),
    (reason: HeimdexError) => reason.id === "LEASE_SUPERSEDED",
  );
});

test("uploads of an attempt that ended are gone, and none can come any more", async (t) => {
  const { world, worker, lease } = await leased(t);
  const [url, late] = await worker.uploads(lease, [4, 4]);
  await put(url as string, Buffer.from("1234"));
  const folder = join(world.folder, "blobs", TENANT, "uploads", lease.lease);
  await access(folder);
  await worker.fail(lease, { kind: "TERMINAL" });
  await world.until(
    () =>
      access(folder).then(
        () => undefined,
        () => true,
      ),
    "the uploads go",
  );
  assert.equal((await put(late as string, Buffer.from("1234"))).status, 409);
  await assert.rejects(
    worker.uploads(lease, [1]),
    (reason: unknown) => reason instanceof HeimdexError && reason.id === "LEASE_SUPERSEDED",
  );
});

/** Blobs there are, by digest. */
async function blobs(world: World): Promise<string[]> {
  // Uploads lie beside them, and may go while they are listed.
  const names = await readdir(join(world.folder, "blobs", TENANT, "cas"), { recursive: true }).catch(() => []);
  return names.flatMap((name) => /[0-9a-f]{64}$/.exec(name) ?? []).filter((name) => name.length === 64);
}

test("an output that is not as declared fails the attempt by the field's name, and nothing is kept", async (t) => {
  const world = await World.open(t, {
    retry: { attempts: 100, losses: 3, resourceAttempts: 100, baseMs: 1, capMs: 1 },
  });
  const worker = await world.worker();
  const binary = { mediaType: "application/octet-stream" };
  const outputs = [
    port("blob", { schema: "x.blob", ...binary }),
    port("scenes", { schema: "heimdex.layer.captions" }),
    port("custom", {
      schema: "org.example.mood",
      layerSchema: JSON.stringify({ properties: { items: { items: { required: ["mood"] } } } }),
      optional: true,
    }),
    port("media", { schema: "heimdex.media", optional: true }),
  ];
  await worker.register(manifest("made.one", { outputs }));
  const job = await world.create(await world.file("a.bin", "a"));
  const fine = Buffer.from("these are bytes");
  const blob = { ...out(fine, { $case: "inline", value: fine }), port: "blob" };
  const layer = json("scenes", { kind: "captions", version: 1, items: [] });
  const item = { id: "c1", start_ms: 0, end_ms: 10, text: "a man" };
  const captions = (items: unknown[]) => json("scenes", { kind: "captions", version: 1, items });
  for (const [name, artifacts, pattern] of [
    [
      "an unknown port",
      [blob, layer, json("more", 1)],
      /^outputs\[2\]\.port: made\.one declares no output port "more"/,
    ],
    ["a missing port", [blob], /^outputs: nothing on port scenes/],
    ["a port twice", [blob, blob, layer], /^outputs: 2 artifacts on port blob/],
    ["another media type", [{ ...blob, mediaType: "image/png" }, layer], /^outputs\[0\]\.media_type: image\/png/],
    ["a wrong digest", [{ ...blob, sha256: "0".repeat(64) }, layer], /^outputs\[0\] \(blob\)\.sha256/],
    ["a wrong size", [{ ...blob, size: 3 }, layer], /^outputs\[0\] \(blob\)\.size: 3 said, 15 bytes came/],
    ["no content", [{ ...blob, content: undefined }, layer], /^outputs\[0\] \(blob\): has neither/],
    [
      "an upload that never came",
      [{ ...blob, content: { $case: "upload" as const, value: 7 } }, layer],
      /^outputs\[0\] \(blob\)\.upload: .*number 7/,
    ],
    [
      "a layer that is no JSON",
      [
        blob,
        {
          ...layer,
          ...out(Buffer.from("{"), { $case: "inline", value: Buffer.from("{") }),
          port: "scenes",
          mediaType: "application/json",
        },
      ],
      /^outputs\[1\] \(scenes\): is not JSON/,
    ],
    [
      "an item without text",
      [blob, captions([{ ...item, text: undefined }])],
      /^outputs\[1\] \(scenes\)\/items\/0\/text/,
    ],
    [
      "an item that ends before it begins",
      [blob, captions([{ ...item, start_ms: 20 }])],
      /^outputs\[1\] \(scenes\)\/items\/0\/end_ms: 10 lies before/,
    ],
    ["two items of one id", [blob, captions([item, item])], /^outputs\[1\] \(scenes\)\/items\/1\/id/],
    [
      "a custom layer against its schema",
      [
        blob,
        layer,
        json("custom", { kind: "org.example.mood", version: 1, items: [{ id: "m", start_ms: 0, end_ms: 1 }] }),
      ],
      /^outputs\[2\] \(custom\)\/items\/0: .*mood/,
    ],
    ["media facts that are none", [blob, layer, json("media", { container: "made" })], /^outputs\[2\] \(media\)\/size/],
  ] as const) {
    const lease = await worker.lease();
    const answer = await worker.complete(lease, [...artifacts]);
    assert.deepEqual([answer.result, answer.reason], ["REFUSED", "OUTPUT_INVALID"], name);
    assert.match(answer.message, pattern, name);
    const step = await world.step(job, "made.one");
    assert.ok(step.reason.startsWith("OUTPUT_INVALID: "), name);
    assert.equal((await worker.complete(lease, [...artifacts])).result, "REFUSED", `${name}, said again`);
    assert.deepEqual(await blobs(world), [], name);
  }
  const lease = await worker.lease();
  const wrong = Buffer.alloc(100_000, "x");
  const [blobUrl, layerUrl] = await worker.uploads(lease, [fine.length, wrong.length]);
  await Promise.all([put(blobUrl as string, fine), put(layerUrl as string, wrong)]);
  const answer = await worker.complete(lease, [
    { ...blob, content: { $case: "upload", value: 0 } },
    { ...out(wrong, { $case: "upload", value: 1 }), port: "scenes", mediaType: "application/json" },
  ]);
  assert.match(answer.message, /scenes\): is not JSON/);
  assert.deepEqual(await blobs(world), []);
  assert.equal((await worker.complete(await worker.lease(), [blob, layer])).result, "ACCEPTED");
  assert.equal((await world.settled(job)).state, "SUCCEEDED");
});

test("an input that has vanished is answered 404, before any byte of it", async (t) => {
  const { world, worker, job, lease } = await leased(t);
  const bytes = Buffer.alloc(70_000, "x");
  const [url] = await worker.uploads(lease, [bytes.length]);
  await put(url as string, bytes);
  await worker.complete(lease, [out(bytes, { $case: "upload", value: 0 })]);
  const second = await worker.lease({ slots: { "made.two": 1 } });
  await world.ports.blobs.delete({ tenant: TENANT, sha256: sha256(bytes), size: bytes.length });
  assert.equal((await fetch(input(second, "in").url)).status, 404);
  await worker.release(second);
  assert.equal((await world.job(job)).state, "RUNNING");
});
