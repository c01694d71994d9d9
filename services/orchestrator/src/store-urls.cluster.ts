import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import { S3Blobs } from "@heimdex/adapters-minio";
import { startProxy } from "@heimdex/adapters-minio/testing";
import { bytes, defineStage, json, source } from "@heimdex/stage-sdk";
import { startMinio } from "@heimdex/testing-servers";
import { z } from "zod";
import { manifest, port } from "./testing/raw-worker.ts";
import { TENANT, World } from "./testing/world.ts";

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());

const BINARY = { schema: "x.bin", mediaType: "application/octet-stream" };

/** Another name of the same store: by which workers outside reach it. */
const { hostname } = new URL(server.endpoint);
const publicEndpoint = server.endpoint.replace(hostname, hostname === "localhost" ? "127.0.0.1" : "localhost");

async function openWorld(t: TestContext, endpoint = server.endpoint): Promise<{ world: World; blobs: S3Blobs }> {
  const { accessKey, secretKey } = server;
  const bucket = `heimdex-${randomBytes(6).toString("hex")}`;
  const blobs = await S3Blobs.open({ endpoint, publicEndpoint, accessKey, secretKey, bucket });
  const world = await World.open(t, { outerWorkerAddress: "127.0.0.1:0" }, (ports) => ({ ...ports, blobs }));
  t.after(() => blobs[Symbol.asyncDispose]());
  return { world, blobs };
}

for (const [where, lateMs] of [
  ["inside", 0],
  ["outside", 0],
  ["inside", 500],
] as const)
  test(`the SDK's workers ${where} read and put bytes at the store itself, whatever their size${lateMs > 0 ? `, also when it is slow by ${lateMs} ms` : ""}`, async (t) => {
    const slow = lateMs > 0 ? await startProxy(server.endpoint, lateMs) : undefined;
    t.after(() => slow?.[Symbol.asyncDispose]());
    const inside = slow?.endpoint ?? server.endpoint;
    const { world, blobs } = await openWorld(t, inside);
    const [orchestrator, store] = where === "inside" ? [world.address, inside] : [world.outerAddress, publicEndpoint];
    const payload = randomBytes(20 * 1024 * 1024 + 3);
    const sha256 = createHash("sha256").update(payload).digest("hex");
    const seen: string[] = [];
    const make = defineStage({
      name: "made.bytes",
      version: "1.0.0",
      behaviour: 1,
      description: "Puts out bytes.",
      inputs: { source: source() },
      outputs: { large: bytes(BINARY.mediaType, "x.large"), small: bytes(BINARY.mediaType, "x.small") },
      async run({ scratch }) {
        const file = join(scratch, "large");
        await writeFile(file, payload);
        return { large: { file }, small: { bytes: payload.subarray(0, 100_000) } };
      },
    });
    const take = defineStage({
      name: "made.sum",
      version: "1.0.0",
      behaviour: 1,
      description: "Says what came.",
      inputs: { large: bytes(BINARY.mediaType, "x.large"), small: bytes(BINARY.mediaType, "x.small") },
      outputs: { sums: json("x.sums", z.array(z.string())) },
      async run({ inputs }) {
        seen.push(inputs.large.url, inputs.small.url);
        const sums = [];
        for (const input of [inputs.large, inputs.small])
          sums.push(
            createHash("sha256")
              .update(await input.read())
              .digest("hex"),
          );
        return { sums };
      },
    });
    await world.serve([make, take], { orchestrator });
    const job = await world.index(await world.file("a film.bin", "0123456789"));
    assert.equal(job.state, "SUCCEEDED", JSON.stringify(job, undefined, 1));
    assert.equal(seen.length, 2);
    for (const url of seen) assert.ok(url.startsWith(`${store}/`), url);
    assert.ok(await blobs.has({ tenant: TENANT, sha256, size: payload.length }));
    assert.equal((await blobs.usage(TENANT)).uploads, 0);
  });

test("what is not what was stated is refused, and what comes after the lease reaches no blob", async (t) => {
  const { world, blobs } = await openWorld(t);
  const worker = await world.worker();
  await worker.register(manifest("made.one", { outputs: [port("out", BINARY)] }));
  await world.create(await world.file("a film.bin", "0123456789"));
  const content = randomBytes(300_000);
  const sha256 = createHash("sha256").update(content).digest("hex");
  const put = (to: string, body: Uint8Array) => fetch(to, { method: "PUT", body });
  const attempt = async (body: Uint8Array) => {
    const lease = await worker.lease();
    const [url = ""] = await worker.uploads(lease, [content.length]);
    assert.ok(url.startsWith(`${server.endpoint}/`), url);
    assert.equal((await put(url, body.subarray(1))).status, 403);
    assert.equal((await put(url, body)).status, 200);
    const out = { ...BINARY, port: "out", sha256, size: content.length, path: "", name: "" };
    return { url, answer: await worker.complete(lease, [{ ...out, content: { $case: "upload", value: 0 } }]) };
  };
  assert.match(JSON.stringify((await attempt(randomBytes(content.length))).answer), /SHA-256/);
  const { url } = await attempt(content);
  assert.ok(await blobs.has({ tenant: TENANT, sha256, size: content.length }));
  // A store's URL outlives its lease.
  assert.equal((await put(url, randomBytes(content.length))).status, 200);
  const stored = await (
    await fetch(await blobs.presignGet({ tenant: TENANT, sha256, size: content.length }, 60_000, "inside"))
  ).arrayBuffer();
  assert.ok(content.equals(Buffer.from(stored)));
  await blobs.dropStaleUploads(TENANT, 0);
  assert.equal((await blobs.usage(TENANT)).uploads, 0);
});
