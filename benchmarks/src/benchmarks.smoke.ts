import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { BENCHMARKS } from "./benchmarks.ts";
import type { Figure } from "./common/benchmark.ts";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-bench-test-"));
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

async function bench(...args: string[]) {
  return promisify(execFile)(process.execPath, [MAIN, ...args]);
}

for (const { name } of BENCHMARKS) {
  test(`${name} runs to its end in its smallest configuration, and leaves nothing behind`, async (t) => {
    const folder = await emptyFolder(t);
    const json = join(folder, `${name}.json`);
    const { stdout } = await bench(name, "--smoke", "--data", folder, "--json", json);
    const { machine, results } = JSON.parse(await readFile(json, "utf8"));
    const { figures } = results[name] as { figures: Figure[] };
    assert.ok(figures.length > 0);
    for (const figure of figures) {
      assert.ok(Number.isFinite(figure.value) && figure.value >= 0, `${figure.name}: ${figure.value}`);
      assert.ok(stdout.includes(figure.name));
    }
    assert.ok(machine.cores >= 1 && machine.fsync_ms > 0);
    await rm(json);
    assert.deepEqual(await readdir(folder), []);
  });
}

test("a name that is none is wrong usage, and names those there are", async () => {
  await assert.rejects(bench("spteps"), (reason: Error & { code: number; stderr: string }) => {
    assert.equal(reason.code, 2);
    assert.match(reason.stderr, /no benchmark is called spteps/);
    for (const { name } of BENCHMARKS) assert.ok(reason.stderr.includes(name));
    return true;
  });
});

test("a benchmark that is stopped takes its processes and its data along", async (t) => {
  const folder = await emptyFolder(t);
  const child = spawn(process.execPath, [MAIN, "steps", "--data", folder], { stdio: ["ignore", "ignore", "pipe"] });
  for await (const line of child.stderr) if (String(line).includes("warming up")) break;
  const [root = ""] = await readdir(folder);
  assert.match(root, /^\.heimdex-bench-/);
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [130, null]);
  assert.deepEqual(await readdir(folder), []);
});
