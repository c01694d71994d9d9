import assert from "node:assert/strict";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { browserCommand, playerCommand, shellQuoted } from "./player.ts";

test("the first player on PATH starts at the second; without one there is none", async (t) => {
  const bin = await mkdtemp(join(tmpdir(), "heimdex-bin-"));
  t.after(() => rm(bin, { recursive: true }));
  assert.equal(playerCommand("/a.mp4", 1500, { PATH: bin }), undefined);
  for (const name of ["ffplay", "vlc", "xdg-open"]) {
    await writeFile(join(bin, name), "#!/bin/sh\n");
    await chmod(join(bin, name), 0o755);
  }
  await writeFile(join(bin, "mpv"), "not a program");
  assert.deepEqual(playerCommand("/a.mp4", 1500, { PATH: bin }), [
    join(bin, "vlc"),
    "--start-time=1.500",
    "--play-and-exit",
    "/a.mp4",
  ]);
  assert.deepEqual(browserCommand("http://x/#t=1", { PATH: bin }, "linux"), [join(bin, "xdg-open"), "http://x/#t=1"]);
});

test("a command line is quoted so that a shell reads the same words", () => {
  assert.equal(
    shellQuoted(["/usr/bin/mpv", "--start=1.5", "it's a film.mp4"]),
    "/usr/bin/mpv --start=1.5 'it'\\''s a film.mp4'",
  );
});
