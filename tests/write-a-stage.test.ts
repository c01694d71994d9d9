import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { AnyStage } from "@heimdex/stage-sdk";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../", import.meta.url));
const guide = await readFile(join(root, "docs/guides/write-a-stage.md"), "utf8");
const blocks = [...guide.matchAll(/^```ts file=(\S+)\n(.*?)^```$/gms)].map(([, name, code]) => ({
  name: name as string,
  code: code as string,
}));

/** The guide's files in a folder that finds the packages as one below the repository does. */
async function written(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-guide-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await symlink(join(root, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  for (const { name, code } of blocks) await writeFile(join(folder, name), code);
  return folder;
}

test("the guide's stage is the type it says: the compiler has nothing against it", async (t) => {
  assert.deepEqual(
    blocks.map(({ name }) => name),
    ["pauses.ts", "pauses.test.ts", "pauses-worker.ts"],
  );
  const folder = await written(t);
  const config = { extends: join(root, "tsconfig.json"), include: ["*.ts"] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(root, "node_modules/.bin/tsc");
  await run(compiler, ["-p", folder]).catch((reason: { stdout?: string }) =>
    assert.fail(reason.stdout ?? String(reason)),
  );
});

test("the guide's own test passes", async (t) => {
  const folder = await written(t);
  const { NODE_TEST_CONTEXT: _outer, ...env } = process.env; // a runner below a runner reports to it instead of exiting by its own result
  const { stdout } = await run(process.execPath, ["--test", "pauses.test.ts"], { cwd: folder, env });
  assert.match(stdout, /pass 2\b/);
  assert.match(stdout, /fail 0\b/);
});

test("the guide's stage runs: what is said gives the pauses between", async (t) => {
  const folder = await written(t);
  const { pauses } = (await import(join(folder, "pauses.ts"))) as { pauses: AnyStage };
  assert.equal(pauses.name, "org.example.pauses");
  const json = (value: unknown) => ({ json: async () => value });
  const phrase = { id: "speech_1", start_ms: 4_000, end_ms: 6_000, text: "now" };
  const inputs = {
    media: json({ duration_ms: 8_000 }),
    transcript: json({ kind: "transcript", version: 1, items: [phrase] }),
  };
  const context = { inputs, config: { seconds: 2 }, asset: "a_1", signal: new AbortController().signal };
  const { pauses: layer } = (await pauses.run(context as never)) as {
    pauses: { items: { start_ms: number; end_ms: number }[] };
  };
  assert.deepEqual(
    layer.items.map(({ start_ms, end_ms }) => [start_ms, end_ms]),
    [
      [0, 4_000],
      [6_000, 8_000],
    ],
  );
  assert.ok(pauses.outputs.pauses?.json?.safeParse(layer).success, "the layer fits the port it goes out by");
});
