import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { Scratch } from "./scratch.ts";

test("what a killed worker left is swept, what is in use and what is not ours stays", async (t) => {
  const base = await mkdtemp(join(tmpdir(), "scratch-test-"));
  t.after(() => rm(base, { recursive: true }));
  const mine = new Scratch(base);
  const other = new Scratch(base);
  mine.open("attempt-1");
  other.open("attempt-2");
  const dead = spawn(process.execPath, ["-e", ""]);
  await once(dead, "exit");
  const left = new Scratch(base);
  left.open("attempt-3");
  const ofDead = basename(left.root).replace(`-${process.pid}-`, `-${dead.pid}-`);
  await rename(left.root, join(base, ofDead));
  await mkdir(join(base, "heimdex-elsewhere-1-aa-0"));
  await writeFile(join(base, "film.mp4"), "");
  await mine.sweep();
  assert.deepEqual(
    (await readdir(base)).sort(),
    [basename(mine.root), basename(other.root), "film.mp4", "heimdex-elsewhere-1-aa-0"].sort(),
  );
  await mine.close();
  assert.deepEqual(await readdir(other.root), ["attempt-2"]);
  assert.equal((await stat(other.root)).mode & 0o077, 0);
});

test("a lease id that is not fit for a file name is refused", () => {
  const scratch = new Scratch(tmpdir());
  for (const lease of ["../x", "a/b", "", ".hidden"]) assert.throws(() => scratch.open(lease), /not fit/);
});
