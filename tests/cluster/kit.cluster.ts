import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { LanceMomentIndex, s3StorageOptions } from "@heimdex/adapters-lancedb";
import { S3Blobs } from "@heimdex/adapters-minio";
import { MongoCatalog } from "@heimdex/adapters-mongo";
import { NatsBus } from "@heimdex/adapters-nats";
import { ANALYZER_ID, analyze } from "@heimdex/search";
import { runKit } from "@heimdex/stage-kit";
import { startMinio, startMongo, startNats } from "@heimdex/testing-servers";

/** One that is written with the SDK, one that reads films and uploads pictures, one that reads what others put out. */
const WORKERS = [
  ["org.example.loudness", "../../packages/stage-sdk/src/example/loudness.ts"],
  ["media.analyze", "../../services/stage-media/src/main.ts"],
  ["embed.text", "../../services/stage-embed/src/main.ts"],
] as const;

const [mongo, nats, minio] = await Promise.all([startMongo(), startNats(), startMinio()]);
after(() => Promise.all([mongo, nats, minio].map((server) => server[Symbol.asyncDispose]())));

/** Connections to the servers, with data of their own there. */
async function openPorts() {
  const name = `kit-${randomBytes(6).toString("hex")}`;
  await using opened = new AsyncDisposableStack();
  const ports = {
    catalog: opened.use(await MongoCatalog.open({ url: mongo.url, database: name })),
    bus: opened.use(
      await NatsBus.open({
        servers: nats.url,
        user: nats.user,
        password: nats.password,
        prefix: name,
        onError: () => undefined,
      }),
    ),
    blobs: opened.use(await S3Blobs.open({ ...minio, bucket: name })),
    index: opened.use(
      await LanceMomentIndex.open(`s3://${name}/.index`, {
        analyze,
        analyzerId: ANALYZER_ID,
        storageOptions: s3StorageOptions(minio),
      }),
    ),
  };
  const held = opened.move();
  return { ...ports, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

// Most of the time is spent waiting: for times the contract names, and for what must not come.
describe("workers pass the conformance kit against MongoDB, NATS and MinIO", { concurrency: WORKERS.length }, () => {
  for (const [stage, program] of WORKERS)
    test(stage, async (t) => {
      const command = [process.execPath, fileURLToPath(new URL(program, import.meta.url))];
      const { ok, checks } = await runKit({ command, stage, openPorts });
      for (const { id, outcome, seen, ms } of checks) t.diagnostic(`${id} ${outcome}, ${ms} ms: ${seen}`);
      const failed = checks.filter(({ outcome }) => outcome === "failed");
      assert.ok(ok, failed.map(({ id, seen }) => `${id}: ${seen}`).join("\n"));
    });
});
