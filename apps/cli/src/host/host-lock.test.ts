import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openDataFolder } from "./data-folder.ts";
import { HostLock } from "./host-lock.ts";

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "heimdex-data-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

test("one hosts, many are attached, and the host leaves when nobody is", async (t) => {
  const run = await folder(t);
  const { signal } = new AbortController();
  const [host, guest] = [new HostLock(run), new HostLock(run)];
  const hosting = host.tryHost();
  assert.ok(hosting);
  assert.equal(guest.tryHost(), undefined);
  const [first, second] = [await guest.attach(signal), await guest.attach(signal)];
  let waits = 0;
  const alone = host.waitUntilAlone(signal, () => waits++);
  first[Symbol.dispose]();
  second[Symbol.dispose]();
  using _alone = await alone;
  assert.equal(waits, 1);
  const late = new AbortController();
  const attaching = guest.attach(late.signal);
  late.abort();
  await assert.rejects(attaching, { name: "AbortError" });
  hosting[Symbol.dispose]();
  using next = guest.tryHost();
  assert.ok(next);
});

test("a data directory of a newer Heimdex is refused and left as it is", async (t) => {
  const root = await folder(t);
  await writeFile(join(root, "version.json"), '{"data_version": 99}');
  await assert.rejects(openDataFolder(root), { id: "DATA_VERSION_NEWER" });
  assert.deepEqual(await readdir(root), ["version.json"]);
});

test("a data directory that cannot be one is named, with what to do", async (t) => {
  const root = await folder(t);
  await writeFile(join(root, "file"), "");
  await assert.rejects(openDataFolder(join(root, "file", "below")), { id: "CONFIG_INVALID", message: /file\/below/ });
  await writeFile(join(root, "version.json"), "junk");
  await assert.rejects(openDataFolder(root), { id: "CONFIG_INVALID", message: /version\.json/ });
  await mkdir(join(root, "new"));
  const made = await openDataFolder(join(root, "new"));
  assert.equal(JSON.parse(await readFile(join(made.root, "version.json"), "utf8")).data_version, 1);
});
