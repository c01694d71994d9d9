import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { S3Blobs } from "@heimdex/adapters-minio";
import { HeimdexError } from "@heimdex/errors";
import { withId } from "@heimdex/ports/conformance";
import { type MinioServer, startMinio } from "@heimdex/testing-servers";
import { LanceMomentIndex } from "./lance-moment-index.ts";
import { moment, momentCount, moments } from "./moments.fixture.ts";
import { s3StorageOptions } from "./s3-storage-options.ts";

/** How long a test waits for what must come; far longer than it takes. */
const PATIENCE_MS = 120_000;
const BUCKET = "index";

const server = await startMinio();
after(() => server[Symbol.asyncDispose]());
await (await S3Blobs.open({ ...server, bucket: BUCKET }))[Symbol.asyncDispose]();

const fresh = () => `s3://${BUCKET}/${crypto.randomUUID()}`;

async function openAt(t: TestContext, location: string, on: MinioServer = server): Promise<LanceMomentIndex> {
  const index = await LanceMomentIndex.open(location, { storageOptions: s3StorageOptions(on) });
  t.after(() => index[Symbol.asyncDispose]());
  return index;
}

/** A process of a fixture on this index, and its lines as they come. */
function start(t: TestContext, fixture: string, location: string) {
  const path = fileURLToPath(new URL(fixture, import.meta.url));
  const child = spawn(process.execPath, [path, location, JSON.stringify(s3StorageOptions(server))], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  return { child, lines: createInterface({ input: child.stdout }) };
}

/** Rows and revision of an asset agree, in texts and vectors alike. */
async function assertWhole(index: LanceMomentIndex, asset: string): Promise<number> {
  const revision = (await index.revisions("acme", [asset])).get(asset) ?? 0;
  const filter = { tenant: "acme", assets: [asset] };
  for (const hits of [
    await index.searchText("spoken", ["everywhere"], filter, 100),
    await index.searchVector("space", Float32Array.of(1, 1, 1), filter, 100),
  ])
    assert.deepEqual(
      hits.map((hit) => hit.row.revision),
      Array.from({ length: momentCount(revision) }, () => revision),
    );
  return revision;
}

test("a reader in another process sees each commit whole", async (t) => {
  const location = fresh();
  const writer = await openAt(t, location);
  await writer.replaceAssets([moments("a", 1)]);
  const { child, lines } = start(t, "reader.fixture.ts", location);
  const seen: string[] = [];
  const waiting = new Map<string, () => void>();
  lines.on("line", (line) => {
    seen.push(line);
    waiting.get(line)?.();
  });
  const sees = async (revision: number) => {
    const line = `${revision} ${momentCount(revision)}`;
    if (seen.includes(line)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    waiting.set(line, resolve);
    const giveUp = new AbortController();
    const late = delay(PATIENCE_MS, "late", { signal: giveUp.signal });
    assert.notEqual(await Promise.race([promise, late.catch(() => undefined)]), "late", `saw only ${seen.join("; ")}`);
    giveUp.abort();
  };
  for (const revision of [1, 2, 3, 4, 6, 7]) {
    await writer.replaceAssets([moments("a", revision)]);
    if (revision === 3) await writer.optimize();
    await sees(revision);
  }
  child.stdin.end();
  await once(child, "exit");
  assert.deepEqual(seen, ["1 1", "2 2", "3 3", "4 4", "6 1", "7 2"]);
});

test("two writers that fence each other out lose nothing that was acknowledged to either", async (t) => {
  const location = fresh();
  const writers = [await openAt(t, location), await openAt(t, location)];
  await Promise.all(writers.map((writer) => writer.stats("acme")));
  const acknowledged = await Promise.all(
    writers.map(async (writer, i) => {
      let last = 0;
      for (let revision = 1; revision <= 12; revision++) {
        try {
          await writer.replaceAssets([moments(`a${i}`, revision)]);
          last = revision;
        } catch (error) {
          // Refused, not lost: fenced out by the other, or a conflict that LanceDB does not resolve.
          if (HeimdexError.from(error).id !== "INDEX_FENCED") withId("INDEX_UNAVAILABLE")(error);
          await writer.fence().catch(withId("INDEX_UNAVAILABLE"));
        }
      }
      return last;
    }),
  );
  const index = await openAt(t, location);
  for (const [i, revision] of acknowledged.entries()) {
    assert.ok(revision > 0);
    assert.equal(await assertWhole(index, `a${i}`), revision);
  }
});

test("a writer killed at any point leaves the index whole, with all that was acknowledged", async (t) => {
  const location = fresh();
  const known = new Map<string, number>();
  // The first falls into the making of the table and its indexes.
  for (const [from, ms] of [
    ["opening", 150],
    ["acknowledged", 0],
    ["acknowledged", 70],
    ["acknowledged", 310],
  ] as const) {
    const { child, lines } = start(t, "writer.fixture.ts", location);
    const exit = once(child, "exit");
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    lines.on("line", (line) => {
      const [asset, revision] = line.split(" ");
      if (asset !== undefined && revision !== undefined) known.set(asset, Number(revision));
      if (from === "opening" || revision !== undefined) begin();
    });
    const closed = once(lines, "close");
    await Promise.race([begun, exit]);
    await delay(ms);
    child.kill("SIGKILL");
    const [, signal] = await exit;
    await closed;
    assert.equal(signal, "SIGKILL", "the writer ended by itself");
    await using index = await LanceMomentIndex.open(location, { storageOptions: s3StorageOptions(server) });
    for (let i = 0; i < 7; i++) {
      const revision = await assertWhole(index, `asset-${i}`);
      assert.ok(revision >= (known.get(`asset-${i}`) ?? 0), `asset-${i} is at ${revision}`);
    }
  }
  assert.ok(known.size > 0, "no replacement was ever acknowledged");
});

test("a store that is killed while it is written to: what was acknowledged is there, and writing goes on", async (t) => {
  const index = await openAt(t, fresh());
  await index.replaceAssets([moments("a", 1)]);
  let acknowledged = 1;
  let isBack = false;
  const writing = (async () => {
    const untilMs = Date.now() + PATIENCE_MS;
    for (let revision = 2; !isBack || acknowledged < revision - 1; revision++) {
      try {
        await index.replaceAssets([moments("a", revision)]);
        acknowledged = revision;
      } catch (error) {
        if (!(error instanceof HeimdexError && error.id === "INDEX_UNAVAILABLE") || Date.now() > untilMs) throw error;
      }
    }
  })();
  await server.container.kill();
  await server.container.start();
  isBack = true;
  await writing;
  assert.equal(await assertWhole(index, "a"), acknowledged);
});

test("a bucket that is not there and a wrong key say what to correct", async (t) => {
  for (const [location, on, said] of [
    ["s3://not-there/index", server, /NoSuchBucket/],
    [fresh(), { ...server, secretKey: "wrong-secret" }, /SignatureDoesNotMatch/],
  ] as const) {
    const index = await openAt(t, location, on as MinioServer);
    await assert.rejects(index.stats("acme"), (error: unknown) => {
      assert.ok(error instanceof HeimdexError, `${error}`);
      assert.equal(error.id, "INDEX_UNAVAILABLE");
      assert.match(error.message, said);
      assert.match(error.help, /settings of the S3 store/);
      return true;
    });
  }
});

test("a full store is DISK_FULL, and what was there is still found", async (t) => {
  await using small = await startMinio({ diskBytes: 96 * 1024 * 1024 });
  await using blobs = await S3Blobs.open({ ...small, bucket: BUCKET });
  const index = await openAt(t, fresh(), small);
  await index.replaceAssets([moments("a", 4)]);
  await assert.rejects(async () => {
    for (let i = 0; i < 100; i++) await blobs.putNamed("acme", `fill/${i}`, randomBytes(4 * 1024 * 1024));
  }, withId("DISK_FULL"));
  const rows = Array.from({ length: 4000 }, (_, n) =>
    moment("b", n, {
      vectors: new Map([["space", [Float32Array.from(randomBytes(3))]]]),
      spoken: randomBytes(2000).toString("hex"),
    }),
  );
  await assert.rejects(index.replaceAssets([{ tenant: "acme", asset: "b", revision: 1, rows }]), withId("DISK_FULL"));
  assert.equal(await assertWhole(index, "a"), 4);
});
