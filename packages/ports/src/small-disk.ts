import { execFile } from "node:child_process";
import { mkdtemp, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A file system of its own of `bytes`, gone after the test; undefined where this user may not mount one (then a test has to fill up something
 * else: a limit on file sizes, or of the database). Whatever uses it must be closed before the test ends. */
export async function smallDisk(t: TestContext, bytes: number): Promise<string | undefined> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const folder = await mkdtemp(join(tmpdir(), "heimdex-disk-"));
  const mounted = await run("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder]).then(
    () => true,
    (error) => {
      t.diagnostic(`no small disk: ${error.message}`);
      return false;
    },
  );
  t.after(async () => {
    if (mounted) await run("umount", ["-l", folder]);
    await rmdir(folder);
  });
  return mounted ? folder : undefined;
}
