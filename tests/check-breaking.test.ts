import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const STAGE = "proto/heimdex/stage/v1/stage.proto";

/** A repository of its own with this one's contracts, in one commit on main. */
class Clone {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  static async make(t: TestContext): Promise<Clone> {
    const folder = await mkdtemp(join(tmpdir(), "heimdex-breaking-"));
    t.after(() => rm(folder, { recursive: true }));
    for (const path of ["proto", "buf.yaml", "scripts/check-breaking"])
      await cp(join(ROOT, path), join(folder, path), { recursive: true });
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    const clone = new Clone(folder);
    await clone.git("init", "--quiet", "--initial-branch=main");
    await clone.commit("first");
    return clone;
  }

  async git(...args: string[]): Promise<void> {
    // Nobody's own settings: signing, hooks, templates.
    const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_SYSTEM: "/dev/null" };
    const who = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
    await run("git", ["-C", this.folder, ...who, ...args], { env });
  }

  async commit(message: string): Promise<void> {
    await this.git("add", "proto", "buf.yaml", "scripts");
    await this.git("commit", "--quiet", "--allow-empty", "--message", message);
  }

  /** Removes a field that others may rely on. */
  async breakIt(field = /^ {2}bool deterministic = 11;\n/m): Promise<void> {
    const path = join(this.folder, STAGE);
    const before = await readFile(path, "utf8");
    const after = before.replace(field, "");
    assert.notEqual(after, before);
    await writeFile(path, after);
  }

  /** What the check says, and whether it is content. */
  async check(): Promise<readonly [passes: boolean, said: string]> {
    return run(join(this.folder, "scripts/check-breaking")).then(
      ({ stdout }) => [true, stdout] as const,
      ({ stdout, stderr }: { stdout: string; stderr: string }) => [false, stdout + stderr] as const,
    );
  }
}

async function says(clone: Clone, passes: boolean, pattern: RegExp): Promise<void> {
  const [passed, said] = await clone.check();
  assert.match(said, pattern);
  assert.equal(passed, passes, said);
}

test("contracts are compared with the last tag, with where the branch left main, or with the commit before", async (t) => {
  const clone = await Clone.make(t);
  await says(clone, true, /nothing to compare with: this clone holds one commit and no tag.*--unshallow/);
  await clone.commit("second, on main");
  await says(clone, true, /nothing breaks against \w+, the commit before/);
  await clone.breakIt();
  await says(
    clone,
    false,
    /stage\.proto:.*"11".*"deterministic"[\s\S]*they break what \w+, the commit before promised/,
  );
  await clone.git("checkout", "--quiet", "-b", "topic");
  await clone.commit("broken, on a branch");
  await clone.commit("and one more");
  await says(clone, false, /they break what \w+, where this branch left main promised/);
  await clone.git("checkout", "--quiet", "main");
  await clone.git("merge", "--quiet", "--ff-only", "topic");
  await says(clone, true, /nothing breaks against \w+, the commit before/);
  await clone.git("tag", "v0.1.0");
  await says(clone, true, /the commit before/);
  await clone.commit("after the tag");
  await says(clone, true, /nothing breaks against tag v0\.1\.0/);
  await clone.breakIt(/^ {2}uint32 stall_ms = 2;\n/m);
  await clone.commit("broken long before the next commits");
  await clone.commit("one");
  await says(clone, false, /they break what tag v0\.1\.0 promised/);
});

test("a shallow clone says that it holds nothing to compare with, and a folder that is no repository, too", async (t) => {
  const clone = await Clone.make(t);
  await clone.commit("second");
  const shallow = await mkdtemp(join(tmpdir(), "heimdex-breaking-shallow-"));
  t.after(() => rm(shallow, { recursive: true }));
  await run("git", ["clone", "--quiet", "--depth=1", pathToFileURL(clone.folder).href, shallow]);
  await symlink(join(ROOT, "node_modules"), join(shallow, "node_modules"));
  await says(new Clone(shallow), true, /nothing to compare with: this clone holds one commit and no tag/);
  await rm(join(shallow, ".git"), { recursive: true });
  await says(new Clone(shallow), true, /nothing to compare with: this is no git repository/);
});
