import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { MEDIA_EXTENSIONS } from "@heimdex/sources/names";
import { findMedia } from "./media-files.ts";

const signal = new AbortController().signal;

test("folders give their media files by name, with those below, each once", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "heimdex-media-"));
  t.after(() => rm(root, { recursive: true }));
  await mkdir(join(root, "sub", "deep"), { recursive: true });
  await mkdir(join(root, ".hidden"));
  await mkdir(join(root, "archive"));
  for (const name of [
    "b.MP4",
    "a.mkv",
    "notes.txt",
    "sub/c d\n.wav",
    "sub/deep/ü橋.webm",
    ".hidden/x.mp4",
    ".d.mp4",
    "archive/x.mp4",
    "archive/version.json",
    "archive/catalog.sqlite",
  ])
    await writeFile(join(root, name), "");
  await symlink(root, join(root, "sub", "loop"));
  await symlink(join(root, "nowhere"), join(root, "dangling.mp4"));
  const found = await findMedia([root, join(root, "sub"), join(root, "notes.txt")], signal);
  assert.deepEqual(
    found.map(({ path, problem }) => [path.slice(root.length + 1), problem?.id]),
    ["a.mkv", "b.MP4", "sub/c d\n.wav", "sub/deep/ü橋.webm", "notes.txt"].map((path) => [path, undefined]),
  );
});

test("what is wrong with one path is said of that path", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "heimdex-media-"));
  t.after(() => rm(root, { recursive: true }));
  await writeFile(join(root, "a.mp4"), "");
  await mkdir(join(root, "empty"));
  const found = await findMedia(
    [join(root, "gone"), join(root, "empty"), join(root, "a.mp4", "below"), "/dev/null", join(root, "a.mp4")],
    signal,
  );
  assert.deepEqual(
    found.map(({ problem }) => problem?.id),
    ["SOURCE_NOT_FOUND", "SOURCE_EMPTY", "SOURCE_NOT_FOUND", "SOURCE_UNSUPPORTED", undefined],
  );
  for (const { path, problem } of found)
    if (problem !== undefined) assert.ok(problem.message.includes(path), problem.message);
});

test("the reference lists exactly the extensions that are taken", async () => {
  const page = await readFile(new URL("../../../docs/reference/cli.md", import.meta.url), "utf8");
  const listed = /<!-- extensions -->([\s\S]*?)<!-- \/extensions -->/
    .exec(page)?.[1]
    ?.match(/`([a-z0-9]+)`/g)
    ?.map((name) => `.${name.slice(1, -1)}`);
  assert.deepEqual(listed?.toSorted(), [...MEDIA_EXTENSIONS].toSorted());
});
