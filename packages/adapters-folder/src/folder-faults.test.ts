import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";
import type { BlobKey } from "@heimdex/ports";
import { smallDisk, withId } from "@heimdex/ports/conformance";
import { FolderBlobs } from "./folder-blobs.ts";

const MIB = 1024 * 1024;
const run = promisify(execFile);

async function folder(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "heimdex-blobs-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  return root;
}

function keyOf(bytes: Uint8Array): BlobKey {
  return { tenant: "acme", sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length };
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

const upload = (n: number) => ({ tenant: "acme", attempt: "at1", n });

/** Every file below, as paths from `root`. */
async function filesBelow(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}

test("files lie where the design says", async (t) => {
  const root = await folder(t);
  const blobs = await FolderBlobs.open(root);
  const bytes = Buffer.from("hello");
  const key = keyOf(bytes);
  await blobs.put(key, single(bytes));
  await blobs.putNamed("acme", "sidecars/a_1/7.json", bytes);
  await blobs.putNamed("acme", "exports/a_1/film.srt", bytes);
  await blobs.putNamed("acme", "cas/sha256/aa/x", bytes);
  await blobs.upload(upload(3), single(bytes), MIB);
  await writeFile(await blobs.localUploadPath(upload(4)), bytes);
  assert.deepEqual((await filesBelow(root)).toSorted(), [
    `acme/cas/sha256/2c/${key.sha256}`,
    "acme/named/cas/sha256/aa/x",
    "acme/named/exports/a_1/film.srt",
    "acme/sidecars/a_1/7.json",
    `acme/uploads/at1/3.${key.sha256}`,
    "acme/uploads/at1/4",
  ]);
  assert.equal(blobs.localPath(key), join(root, `acme/cas/sha256/2c/${key.sha256}`));
  assert.equal((await stat(blobs.localPath(key))).mode & 0o222, 0, "nobody may write to a blob");
});

test("a document's folder goes with its last document", async (t) => {
  const root = await folder(t);
  const blobs = await FolderBlobs.open(root);
  await blobs.putNamed("acme", "sidecars/a_secret/1.json", Buffer.from("{}"));
  await blobs.deleteNamed("acme", "sidecars/a_secret/1.json");
  assert.deepEqual(
    (await readdir(root, { recursive: true })).filter((name) => name.includes("secret")),
    [],
  );
});

test("a name below another document's name is refused", async (t) => {
  const blobs = await FolderBlobs.open(await folder(t));
  await blobs.putNamed("acme", "a/b", Buffer.from("x"));
  await assert.rejects(blobs.putNamed("acme", "a/b/c", Buffer.from("x")), withId("BLOB_KEY_INVALID"));
  await assert.rejects(blobs.putNamed("acme", "a", Buffer.from("x")), withId("BLOB_KEY_INVALID"));
  assert.equal(await blobs.getNamed("acme", "a/b/c"), undefined);
  assert.equal(await blobs.getNamed("acme", "a"), undefined);
  assert.deepEqual(await blobs.listNamed("acme", "", undefined, 9), ["a/b"]);
});

test("an upload that is a link is refused, wherever it leads", async (t) => {
  const root = await folder(t);
  const blobs = await FolderBlobs.open(root);
  const secret = Buffer.from("not the worker's");
  await writeFile(join(root, "secret"), secret);
  await symlink(join(root, "secret"), await blobs.localUploadPath(upload(0)));
  await assert.rejects(blobs.commitUpload(upload(0), keyOf(secret)), withId("BLOB_DIGEST_MISMATCH"));
  assert.equal(await blobs.has(keyOf(secret)), false);
  assert.deepEqual(await readFile(join(root, "secret")), secret);
});

test("an upload that is a pipe or a folder is refused without waiting for it", async (t) => {
  const blobs = await FolderBlobs.open(await folder(t));
  await run("mkfifo", [await blobs.localUploadPath(upload(0))]);
  await run("mkdir", [await blobs.localUploadPath(upload(1))]);
  for (const n of [0, 1])
    await assert.rejects(blobs.commitUpload(upload(n), keyOf(Buffer.from("x"))), withId("BLOB_DIGEST_MISMATCH"));
});

test("a blob cut short by a fault is missing, and putting it heals it", async (t) => {
  const blobs = await FolderBlobs.open(await folder(t));
  const bytes = Buffer.from("hello");
  const key = keyOf(bytes);
  await blobs.put(key, single(bytes));
  await rm(blobs.localPath(key));
  await writeFile(blobs.localPath(key), "hel");
  assert.equal(await blobs.has(key), false);
  await assert.rejects(blobs.get(key), withId("BLOB_NOT_FOUND"));
  await blobs.put(key, single(bytes));
  assert.deepEqual(await readFile(blobs.localPath(key)), bytes);
});

test("usage follows changes other processes make", async (t) => {
  const root = await folder(t);
  const blobs = await FolderBlobs.open(root);
  const bytes = Buffer.from("hello");
  await blobs.put(keyOf(bytes), single(bytes));
  const shard = join(blobs.localPath(keyOf(bytes)), "..");
  // Long settled, so that the folder's sum is remembered.
  await utimes(shard, 1, 1);
  assert.equal((await blobs.usage("acme")).cas, 5);
  await writeFile(join(shard, "x"), "123");
  assert.equal((await blobs.usage("acme")).cas, 8);
});

for (const limited of ["the disk", "the size of files"])
  test(`no room rejects with DISK_FULL and leaves nothing: ${limited} is limited`, async (t) => {
    // Where this user can mount no small disk, the system's own limit on file sizes (1 MiB, in blocks of 512 bytes) has to do for both.
    const disk = limited === "the disk" ? await smallDisk(t, 4 * MIB) : undefined;
    const root = disk ?? (await folder(t));
    const blobs = await FolderBlobs.open(root);
    await writeFile(await blobs.localUploadPath({ tenant: "acme", attempt: "b", n: 0 }), new Uint8Array(3 * MIB));
    const script = [join(import.meta.dirname, "testing/fill-disk.ts"), root, String(3 * MIB)];
    const limit = disk === undefined ? "ulimit -f 2048; " : "";
    const { stdout } = await run("sh", ["-c", `${limit}exec "$0" "$@"`, process.execPath, ...script]);
    assert.deepEqual(JSON.parse(stdout), {
      ids: { put: "DISK_FULL", upload: "DISK_FULL", putNamed: "DISK_FULL", commit: "DISK_FULL" },
      usage: { cas: 6, uploads: 3 * MIB, sidecars: 0 },
      temp: [],
    });
  });

test("kill -9 loses nothing acknowledged, shows nothing half-written, and the next start clears up", async (t) => {
  const root = await folder(t);
  let acknowledged = 0;
  for (let round = 0; round < 8; round++) {
    const child = spawn(process.execPath, [join(import.meta.dirname, "testing/write-blobs.ts"), root, String(round)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const lines: string[] = [];
    // Killed at a random point after its first acknowledgement.
    const killAfter = 1 + Math.floor(Math.random() * 60);
    const exited = once(child, "exit");
    for await (const line of createInterface({ input: child.stdout })) {
      lines.push(line);
      if (lines.length === killAfter) child.kill("SIGKILL");
    }
    await exited;
    assert.ok(lines.length >= killAfter);
    const blobs = await FolderBlobs.open(root);
    assert.deepEqual(await readdir(join(root, ".tmp")), []);
    for (const line of lines) {
      const { kind, key, name, n } = JSON.parse(line);
      if (kind === "put") assert.deepEqual(keyOf(await readFile(blobs.localPath(key))), key);
      else if (kind === "upload") await blobs.commitUpload({ tenant: "acme", attempt: `at${round}`, n }, key);
      else assert.ok(Buffer.from((await blobs.getNamed("acme", name)) ?? []).equals(Buffer.alloc(20_000, name)));
    }
    acknowledged += lines.length;
    // Nothing that was not acknowledged may be half there either.
    for (const file of await filesBelow(root)) {
      const sha256 = /\/cas\/sha256\/..\/(.*)$/.exec(file)?.[1] ?? /\/uploads\/.*\.(.*)$/.exec(file)?.[1];
      const bytes = await readFile(join(root, file));
      if (sha256 !== undefined) assert.equal(keyOf(bytes).sha256, sha256, file);
      else assert.equal(bytes.length, 20_000, file);
    }
  }
  t.diagnostic(`${acknowledged} writes acknowledged before 8 kills`);
});

test("files of a running process are left alone; those nobody can vouch for go after a day", async (t) => {
  const root = await folder(t);
  const blobs = await FolderBlobs.open(root);
  const gate = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const bytes = Buffer.from("slow");
  const slow = async function* () {
    yield bytes.subarray(0, 2);
    started.resolve();
    await gate.promise;
    yield bytes.subarray(2);
  };
  const putting = blobs.put(keyOf(bytes), slow());
  await started.promise;
  const elsewhere = join(root, ".tmp", "another-host.1.1.x.0");
  await writeFile(elsewhere, "");
  await FolderBlobs.open(root);
  assert.equal((await readdir(join(root, ".tmp"))).length, 2);
  await utimes(elsewhere, 1, 1);
  await FolderBlobs.open(root);
  assert.equal((await readdir(join(root, ".tmp"))).length, 1);
  gate.resolve();
  await putting;
  assert.equal(await blobs.has(keyOf(bytes)), true);
});
