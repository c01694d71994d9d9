import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));
let data = "";
before(async () => {
  data = await mkdtemp(join(tmpdir(), "heimdex-run-"));
});
after(() => rm(data, { recursive: true }));

function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, HEIMDEX_DATA: data };
  return new Promise((resolve) => {
    execFile(process.execPath, [MAIN, ...args], { env, timeout: 60_000 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

for (const args of [
  ["frob"],
  [],
  ["search"],
  ["search", "x", "--limit", "0"],
  ["search", "x", "--limit", "ten"],
  ["search", "x", "--from", "noon"],
  ["search", "x", "--channel", "smell"],
  ["index"],
  ["index", "x", "--priority", "101"],
  ["up", "--http-port", "70000"],
  ["search", "  "],
  ["search", "x", "--like", "1"],
  ["search", "--image", "x.png", "--like", "1"],
  ["open", "1"],
  ["logs", "--follow", "--json"],
  ["keys", "create", "x"],
  ["keys", "create", "x", "--role", "owner"],
  ["keys", "create", "x", "--role", "viewer", "--expires", "soon"],
]) {
  test(`wrong usage ends with 2: ${args.join(" ") || "no command"}`, async () => {
    const { code, stderr } = await run(...args);
    assert.equal(code, 2, stderr);
    assert.notEqual(stderr, "");
    assert.doesNotMatch(stderr, /\n\s+at /);
  });
}

test("with --json wrong usage is one document, too", async () => {
  const { code, stdout } = await run("--json", "search", "x", "--limit", "0");
  assert.equal(code, 2);
  assert.equal(JSON.parse(stdout).error.id, "INVALID_ARGUMENT");
});

test("help and version are no errors, and every command has its help", async () => {
  const { code, stdout } = await run("--help");
  assert.equal(code, 0);
  const commands =
    "demo up index search open sidecar assets jobs cancel retry plan status watch stages models keys trace logs reindex doctor".split(
      " ",
    );
  for (const command of commands) assert.match(stdout, new RegExp(`^  ${command}\\b`, "m"));
  assert.match((await run("--version")).stdout, /^\d+\.\d+\.\d+\n$/);
  assert.match((await run("index", "--help")).stdout, /--data <dir>/);
});

test("models ls prints one document, whether they are there or not", async () => {
  const { code, stdout } = await run("models", "ls", "--json");
  assert.equal(code, 0);
  assert.ok(JSON.parse(stdout).models.length >= 3);
});

test("doctor names each check, and fails with what to do where something is missing", async () => {
  const { stdout } = await run("doctor", "--json");
  const { checks } = JSON.parse(stdout) as { checks: { check: string; state: string; next: string }[] };
  for (const name of ["node", "ffmpeg", "pocketsphinx", "ports", "data directory", "disk space"])
    assert.ok(
      checks.some(({ check }) => check === name),
      name,
    );
  assert.ok(checks.every(({ state, next }) => state === "OK" || next !== ""));
});

test("logs of an archive that never ran are asked for in vain, clearly", async () => {
  const { code, stderr } = await run("logs");
  assert.equal(code, 1);
  assert.match(stderr, /there are no logs in .*\n.*next: /);
});

test("a reader that goes away ends the command quietly", async () => {
  const child = spawn(process.execPath, [MAIN, "models", "ls", "--json"], { stdio: ["ignore", "pipe", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk.toString();
  });
  child.stdout.destroy();
  const [code] = await once(child, "close");
  assert.deepEqual([code, stderr], [0, ""]);
});
