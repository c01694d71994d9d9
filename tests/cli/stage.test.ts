import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { heimdex } from "./heimdex.fixture.ts";

const MODULES = fileURLToPath(new URL("../../node_modules", import.meta.url));
/** Checks of what a worker sends, not of how soon. */
const SOME = "HX-STG-001,HX-STG-020,HX-STG-021,HX-STG-025";

async function emptyFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-stage-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test("stage new writes a stage in TypeScript whose test passes, and the worker passes the kit", async (t) => {
  const folder = join(await emptyFolder(t), "my Stage!");
  const { code, stderr } = await heimdex(t, "stage", "new", folder, "--lang", "ts");
  assert.equal(code, 0, stderr);
  await symlink(MODULES, join(folder, "node_modules"));
  await promisify(execFile)(process.execPath, ["--test"], { cwd: folder, env: { PATH: process.env.PATH } });
  const worker = [process.execPath, join(folder, "worker.ts")];
  const { stdout } = await heimdex(t, "stage", "test", "--json", "--check", SOME, "--", ...worker);
  const report = JSON.parse(stdout);
  assert.equal(report.stage, "org.example.my-stage");
  assert.ok(report.ok, stdout);
  assert.deepEqual(
    report.checks.map((check: { id: string }) => check.id),
    SOME.split(","),
  );
});

for (const [lang, file] of [
  ["python", "stage.py"],
  ["go", "stage.go"],
] as const) {
  test(`stage new writes a stage in ${lang} with the contract and its name`, async (t) => {
    const folder = join(await emptyFolder(t), "stage");
    const { code, stderr } = await heimdex(t, "stage", "new", folder, "--lang", lang, "--name", "com.acme.pets");
    assert.equal(code, 0, stderr);
    assert.match(await readFile(join(folder, file), "utf8"), /"com\.acme\.pets"/);
    assert.deepEqual(await readdir(join(folder, "proto/heimdex/stage/v1")), [
      "stage.proto",
      "stage_registry_service.proto",
      "work_service.proto",
    ]);
    const setup = await readFile(join(folder, "setup"), "utf8");
    assert.doesNotMatch(setup, /\.\.\/|colours/);
  });
}

test("stage new leaves a folder alone that is not empty, and refuses bad names", async (t) => {
  const folder = await emptyFolder(t);
  assert.equal((await heimdex(t, "stage", "new", MODULES, "--lang", "ts")).code, 2);
  const { code, stderr } = await heimdex(t, "stage", "new", join(folder, "x"), "--lang", "ts", "--name", "Loud");
  assert.equal(code, 2);
  assert.match(stderr, /Loud is no name of a stage/);
});

test("stage test says what was seen and where the contract says so, and ends with 1", async (t) => {
  const { code, stdout } = await heimdex(
    t,
    "stage",
    "test",
    "--check",
    "HX-STG-001",
    "--",
    process.execPath,
    "--version",
  );
  assert.equal(code, 1);
  assert.match(stdout, /FAILED HX-STG-001/);
  assert.match(stdout, /seen: .*ended with exit code 0/);
  assert.match(stdout, /contract: heimdex\/stage\/v1\/work_service\.proto, WorkService\.OpenSession: "Call it first/);
  assert.equal((await heimdex(t, "stage", "test", "--check", "HX-STG-999", "--", "x")).code, 2);
});
