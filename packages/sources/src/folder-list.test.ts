import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { pathToFileURL } from "node:url";
import { HeimdexError } from "@heimdex/errors";
import { type SourcePage, Sources, sourcesConfig } from "./index.ts";
import { noBlobs } from "./testing/no-blobs.ts";

async function folder(t: TestContext, files: readonly string[]): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "heimdex-folder-list-"));
  t.after(() => rm(root, { recursive: true, force: true }));
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), file);
  }
  return root;
}

/** Everything below a folder, page by page, relative to it. */
async function listAll(root: string, limit: number, tenant = "default", roots: readonly string[] = []) {
  using sources = new Sources({ config: sourcesConfig.parse({}), blobs: noBlobs(), roots });
  const base = pathToFileURL(root).href;
  const found: string[] = [];
  const leftOut: string[] = [];
  let largest = 0;
  for (let after = ""; ; ) {
    const page: SourcePage = await sources.list(tenant, `${base}/`, after, limit);
    largest = Math.max(largest, page.sources.length + page.leftOut.length);
    found.push(...page.sources.map(({ uri }) => decodeURIComponent(uri.slice(base.length + 1))));
    leftOut.push(...page.leftOut.map(({ uri, why }) => `${decodeURIComponent(uri.slice(base.length + 1))}: ${why}`));
    if (page.next === "") return { found, leftOut, largest };
    after = page.next;
  }
}

const FILES = [
  "b.mp4",
  "a/2.mkv",
  "a/1.mov",
  "a.mp4",
  "a/deep/x.wav",
  "c d/é.mp4",
  "z.txt",
  ".hidden/a.mp4",
  "a/.b.mp4",
];
const FILMS = ["a/1.mov", "a/2.mkv", "a/deep/x.wav", "a.mp4", "b.mp4", "c d/é.mp4"];

test("a folder's films in pages of any size are the same, each once, in order", async (t) => {
  const root = await folder(t, FILES);
  for (const limit of [1, 2, 3, 4, 100]) {
    const { found, leftOut, largest } = await listAll(root, limit);
    assert.deepEqual(found, FILMS, `pages of ${limit}`);
    assert.deepEqual(leftOut, ["z.txt: its name is not that of media"]);
    assert.ok(largest <= limit);
  }
});

test("a folder of thousands is read by pages", async (t) => {
  const names = Array.from({ length: 2_000 }, (_, n) => `${String(n).padStart(4, "0")}.mp4`);
  const root = await folder(t, names);
  const { found, largest } = await listAll(root, 300);
  assert.deepEqual(found, names);
  assert.equal(largest, 300);
});

test("links are followed, but never back, and data directories are left alone", async (t) => {
  const root = await folder(t, ["own/catalog.sqlite", "own/version.json", "own/a.mp4", "real/a.mp4"]);
  await symlink(root, join(root, "real", "loop"));
  await symlink(join(root, "real"), join(root, "again"));
  await symlink(join(root, "nowhere"), join(root, "dangling.mp4"));
  const { found, leftOut } = await listAll(root, 10);
  assert.deepEqual(found, ["again/a.mp4", "real/a.mp4"]);
  assert.deepEqual(leftOut, ["dangling.mp4: it cannot be read", "own/: it is a data directory of Heimdex"]);
});

test("a tenant lists its own folder, and no link leads out of it", async (t) => {
  const root = await folder(t, ["acme/a.mp4", "globex/secret.mp4"]);
  await symlink(join(root, "globex"), join(root, "acme", "link"));
  const own = await listAll(join(root, "acme"), 10, "acme", [join(root, "{tenant}")]);
  assert.deepEqual([own.found, own.leftOut], [["a.mp4"], ["link: it is a link that leads elsewhere"]]);
  for (const other of [root, join(root, "globex")])
    await assert.rejects(
      listAll(other, 10, "acme", [join(root, "{tenant}")]),
      (reason: unknown) => reason instanceof HeimdexError && reason.id === "SOURCE_REFUSED",
    );
});

test("a folder that is not there is named", async (t) => {
  const root = await folder(t, []);
  await assert.rejects(
    listAll(join(root, "none"), 10),
    (reason: unknown) => reason instanceof HeimdexError && reason.id === "SOURCE_NOT_FOUND",
  );
});
