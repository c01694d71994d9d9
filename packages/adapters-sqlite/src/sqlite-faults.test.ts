import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open as openFile, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { DatabaseSync } from "node:sqlite";
import { type TestContext, test } from "node:test";
import type { HeimdexError } from "@heimdex/errors";
import type { WriteOp } from "@heimdex/ports";
import { smallDisk, withId } from "@heimdex/ports/conformance";
import { SqliteCatalog } from "./sqlite-catalog.ts";

const KIB = 1024;

async function newFile(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-catalog-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "catalog.db");
}

const put = (id: string, body: unknown, terms: readonly string[] = []): WriteOp => ({
  op: "put",
  collection: "jobs",
  id,
  terms,
  sort: "",
  body,
});

test("a file of a newer version is refused, naming both versions and the file, and is left as it is", async (t) => {
  const file = await newFile(t);
  await (await SqliteCatalog.open(file))[Symbol.asyncDispose]();
  const db = new DatabaseSync(file);
  db.exec("PRAGMA user_version = 7");
  db.close();
  await assert.rejects(SqliteCatalog.open(file), (error: HeimdexError) => {
    withId("DATA_VERSION_NEWER")(error);
    assert.match(error.message, /7.* 1 /);
    assert.ok(error.message.includes(file));
    assert.deepEqual(error.metadata, { file, found: "7", known: "1" });
    return true;
  });
  const again = new DatabaseSync(file, { readOnly: true });
  t.after(() => again.close());
  assert.equal(again.prepare("PRAGMA user_version").get()?.user_version, 7);
});

test("a database of something else is refused and left as it is", async (t) => {
  const file = await newFile(t);
  const db = new DatabaseSync(file);
  t.after(() => db.close());
  db.exec("CREATE TABLE photos (a)");
  await assert.rejects(SqliteCatalog.open(file), withId("CATALOG_UNAVAILABLE"));
  assert.deepEqual(
    db
      .prepare("SELECT name FROM sqlite_schema")
      .all()
      .map(({ name }) => name),
    ["photos"],
  );
});

test("a file that is no database, and a place that cannot be written, are refused by name", async (t) => {
  const file = await newFile(t);
  await writeFile(file, "This is a text, long enough not to be taken for an empty database file.".repeat(100));
  await mkdir(`${file}.folder`);
  for (const path of [file, `${file}.folder`, join(file, "below", "catalog.db")])
    await assert.rejects(SqliteCatalog.open(path), (error: HeimdexError) => {
      withId("CATALOG_UNAVAILABLE")(error);
      assert.ok(error.message.includes(path), error.message);
      return true;
    });
});

test("a file damaged within is told apart from an empty catalog", async (t) => {
  const file = await newFile(t);
  const catalog = await SqliteCatalog.open(file);
  await catalog.write(Array.from({ length: 200 }, (_, i) => put(`j${i}`, "x".repeat(3000), ["t"])));
  await catalog[Symbol.asyncDispose]();
  const handle = await openFile(file, "r+");
  const { size } = await handle.stat();
  await handle.write(Buffer.alloc(size - 8192, 0xa5), 0, size - 8192, 8192);
  await handle.close();
  const damaged = await SqliteCatalog.open(file);
  t.after(() => damaged[Symbol.asyncDispose]());
  const unavailable = (error: HeimdexError) => {
    withId("CATALOG_UNAVAILABLE")(error);
    assert.match(error.message, /damaged/);
    return error.message.includes(file);
  };
  await assert.rejects(damaged.get("jobs", "j1"), unavailable);
  await assert.rejects(damaged.count("jobs", "t"), unavailable);
  await assert.rejects(damaged.write([put("j1", 1)]), unavailable);
});

test("folders on the way are made", async (t) => {
  const file = join(await newFile(t), "deep", "er", "catalog.db");
  const catalog = await SqliteCatalog.open(file);
  await catalog.write([put("a", 1)]);
  await catalog[Symbol.asyncDispose]();
  assert.deepEqual(await readdir(join(file, "..")), ["catalog.db"], "closing leaves one file");
});

for (const limited of ["the disk", "the file"])
  test(`no room rejects with DISK_FULL, stores nothing of the batch, and ends: ${limited} is limited`, async (t) => {
    // Where this user can mount no small disk, SQLite's own limit has to do for both.
    const disk = limited === "the disk" ? await smallDisk(t, 3 * KIB * KIB) : undefined;
    const file = disk === undefined ? await newFile(t) : join(disk, "catalog.db");
    const catalog = await SqliteCatalog.open(file, disk === undefined ? { maxBytes: 1000 * KIB } : {});
    t.after(() => catalog[Symbol.asyncDispose]());
    let stored = 0;
    const fill = async () => {
      for (;;) {
        await catalog.write([
          put(`a${stored}`, "x".repeat(100 * KIB), ["t"]),
          put(`b${stored}`, "x".repeat(50 * KIB), ["t"]),
        ]);
        stored++;
      }
    };
    await assert.rejects(fill(), withId("DISK_FULL"));
    assert.ok(stored > 0);
    assert.equal(await catalog.count("jobs", "t"), 2 * stored);
    assert.equal(await catalog.count("jobs"), 2 * stored);
    assert.equal(await catalog.get("jobs", `a${stored}`), undefined);
    assert.equal(catalog.writes, 2 * stored);
    // Of calls that share a transaction only those without room fail.
    const small = await Promise.allSettled([
      catalog.write([{ op: "replace", collection: "jobs", id: "b0", version: 1, terms: ["t"], sort: "", body: "y" }]),
      catalog.write([put("giant1", "x".repeat(250 * KIB)), put("giant2", "x".repeat(250 * KIB))]),
    ]);
    if (disk === undefined) {
      assert.equal(small[0].status, "fulfilled");
      assert.equal((await catalog.get("jobs", "b0"))?.body, "y");
    }
    assert.ok(small[1].status === "rejected" && withId("DISK_FULL")(small[1].reason));
    assert.deepEqual(await catalog.getMany("jobs", ["giant1", "giant2"]), [undefined, undefined]);
    if (disk !== undefined) return;
    await catalog.write([{ op: "delete", collection: "jobs", id: "a0" }]);
    assert.deepEqual(await catalog.write([put("a", "x".repeat(50 * KIB))]), [{ ok: true, version: 1 }]);
  });

test("another process's transaction is waited for, and given up on after the busy timeout", async (t) => {
  const file = await newFile(t);
  const catalog = await SqliteCatalog.open(file, { busyTimeoutMs: 200 });
  t.after(() => catalog[Symbol.asyncDispose]());
  await catalog.write([put("a", 1)]);
  const other = new DatabaseSync(file);
  t.after(() => other.close());
  other.exec("BEGIN IMMEDIATE");
  await assert.rejects(catalog.write([put("a", 2)]), (error: HeimdexError) => {
    withId("CATALOG_UNAVAILABLE")(error);
    return /locked/.test(error.message);
  });
  assert.equal((await catalog.get("jobs", "a"))?.body, 1, "readers do not wait");
  other.exec("COMMIT");
  assert.deepEqual(await catalog.write([put("a", 3)]), [{ ok: true, version: 2 }]);
});

test("long reading lets the rest of the process run", async (t) => {
  const catalog = await SqliteCatalog.open(await newFile(t));
  t.after(() => catalog[Symbol.asyncDispose]());
  await catalog.write([put("a", 1)]);
  let timer = false;
  setTimeout(() => (timer = true), 1);
  for (let i = 0; !timer; i++) assert.ok(i < 10_000_000 && (await catalog.get("jobs", "a")));
});

test("kill -9 loses nothing acknowledged and leaves every document whole", async (t) => {
  const file = await newFile(t);
  /** The last acknowledged counter of each document. */
  const acknowledged = new Map<string, number>();
  const rounds = 8;
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "testing/write-documents.ts"), file], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const killAfter = 1 + Math.floor(Math.random() * 400);
    const exited = once(child, "exit");
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const [id = "", counter] = line.split(" ");
      acknowledged.set(id, Number(counter));
      if (++seen === killAfter) child.kill("SIGKILL");
    }
    await exited;
    assert.ok(seen >= killAfter);

    const catalog = await SqliteCatalog.open(file);
    const documents = await catalog.find<{ counter: number; text: string }>({ collection: "jobs", limit: 1000 });
    const stored = new Map(documents.map((document) => [document.id, document]));
    for (const [id, counter] of acknowledged) {
      const found = stored.get(id)?.body.counter ?? -1;
      assert.ok(found >= counter, `${id}: ${counter} was acknowledged, ${found} is stored`);
    }
    for (const { id, version, terms, body } of documents) {
      assert.equal(body.text, String(body.counter).repeat(500));
      assert.equal(version, body.counter);
      assert.deepEqual(terms, [`counter:${body.counter}`]);
      assert.deepEqual(
        (await catalog.find({ collection: "jobs", term: `counter:${body.counter}`, limit: 1000 })).filter(
          (other) => other.id === id,
        ).length,
        1,
      );
    }
    assert.equal(await catalog.count("jobs"), documents.length);
    await catalog[Symbol.asyncDispose]();
    const db = new DatabaseSync(file, { readOnly: true });
    assert.deepEqual(
      db
        .prepare("PRAGMA integrity_check")
        .all()
        .map((row) => row.integrity_check),
      ["ok"],
    );
    assert.equal(db.prepare("SELECT count(*) AS n FROM terms").get()?.n, documents.length);
    db.close();
    assert.equal((await stat(file)).isFile(), true);
  }
  const writes = [...acknowledged.values()].reduce((sum, counter) => sum + counter, 0);
  t.diagnostic(`${writes} writes acknowledged before ${rounds} kills`);
});
