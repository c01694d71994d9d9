import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ffmpeg, folder, host, json, start } from "./heimdex.fixture.ts";
import { indexShape } from "./shapes.fixture.ts";

const HEIMDEX = fileURLToPath(new URL("../../heimdex", import.meta.url));
const run = promisify(execFile);

test("a disk without room: the host says so and what to do, leaves nothing half made, and starts there once there is room", async (t) => {
  const data = join(await folder(t), "archive");
  // To a program a limit on its files' size is a disk that takes no byte more, and it needs no rights to set one.
  const limited = run("/bin/sh", ["-c", 'ulimit -f 0; exec "$0" "$@"', HEIMDEX, "--data", data, "up"]);
  const refused: { code?: number; stderr?: string } = await limited.then(
    () => assert.fail("it started"),
    (reason) => reason,
  );
  assert.equal(refused.code, 1);
  assert.match(refused.stderr ?? "", /no room left on the disk of the data directory .*archive.*\[DISK_FULL\]/);
  assert.match(refused.stderr ?? "", /next: Free some space/);
  assert.deepEqual(await readdir(data), []);
  await host(t, data);
});

/** A disk of a few MiB that can be made larger; undefined where this process may not mount one. */
async function smallDisk(): Promise<string | undefined> {
  const path = await mkdtemp(join(tmpdir(), "heimdex-disk-"));
  try {
    await run("mount", ["-t", "tmpfs", "-o", "size=256m", "tmpfs", path]);
    return path;
  } catch {
    await rm(path, { recursive: true });
    return undefined;
  }
}

const disk = await smallDisk();
if (disk !== undefined)
  test("a disk that is nearly full: work pauses and says why, and goes on when there is room", async (t) => {
    const data = join(disk, "archive");
    await mkdir(data);
    await host(t, data);
    t.after(() => removed(disk));
    const film = await madeSound(t);
    const indexing = start(t, ["--data", data, "index", film]);
    assert.match(
      await indexing.line(/paused/),
      /paused: DISK_FULL: \d+ MiB free where data lie, leasing stops below 2048/,
    );
    const { document } = await json(t, "--data", data, "status");
    assert.match((document as { paused_reason: string }).paused_reason, /^DISK_FULL: /);
    await run("mount", ["-o", "remount,size=64g", disk]);
    const { code, stdout, stderr } = await indexing.ended;
    assert.equal(code, 0, stdout + stderr);
    const again = indexShape.parse((await json(t, "--data", data, "index", film)).document).assets[0];
    assert.equal(again?.state, "SUCCEEDED");
  });

async function madeSound(t: TestContext): Promise<string> {
  const film = join(await folder(t), "sound.wav");
  await ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=1", film);
  return film;
}

async function removed(path: string): Promise<void> {
  await run("umount", ["--lazy", path]);
  await rm(path, { recursive: true });
}
