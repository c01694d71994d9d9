import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ffmpeg, folder, heimdex, host, json } from "../cli/heimdex.fixture.ts";
import { npmProject, packSdk, ROOT, runIn } from "./npm-project.fixture.ts";
import { startWorker } from "./worker.fixture.ts";

const SDK = join(ROOT, "packages/stage-sdk");
const SECONDS = 2;

test("what npm pack makes of the SDK: declarations that check, and JavaScript that serves the README's stages on this Node and on the lowest it claims", async (t) => {
  const { engines } = JSON.parse(await readFile(join(SDK, "package.json"), "utf8"));
  const lowest = /^>=(\d+)$/.exec(engines.node)?.[1];
  assert.ok(lowest, engines.node);
  const root = await folder(t);
  const project = await npmProject(t, await packSdk(root), `node@${lowest}.0.0`, "@types/node@24");
  const readme = await readFile(join(SDK, "README.md"), "utf8");
  const files = [...readme.matchAll(/^```ts file=(\S+)\n([\s\S]*?)^```$/gm)];
  assert.deepEqual(
    files.map(([, name]) => name),
    ["loudness.ts", "entropy-engine.ts", "entropy.ts"],
  );
  for (const [, name = "", text = ""] of files) await writeFile(join(project, name), text);
  const config = { target: "es2022", module: "nodenext", strict: true, exactOptionalPropertyTypes: true };
  const compilerOptions = { ...config, lib: ["es2024", "esnext.disposable"], types: ["node"] };
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  await runIn(project, join(ROOT, "node_modules/.bin/tsc"), "-p", ".");

  const data = join(root, "archive");
  const up = await host(t, data);
  const address = /workers (\S+?),/.exec(await up.line(/^ready after/))?.[1] ?? "";
  for (const [at, node] of [process.execPath, join(project, "node_modules/.bin/node")].entries()) {
    const film = join(root, `film-${at}.wav`);
    await ffmpeg("-f", "lavfi", "-i", `sine=frequency=${440 + at}:duration=${SECONDS}`, film);
    const workers = [];
    for (const program of ["loudness.js", "entropy.js"])
      workers.push(await startWorker(t, project, address, [node, program]));
    const { code, stderr } = await heimdex(t, "--data", data, "index", film);
    assert.equal(code, 0, stderr);
    const { document } = await json(t, "--data", data, "sidecar", film);
    const { layers } = document as { layers: { kind: string; items: Record<string, number>[] }[] };
    const itemsOf = (name: string) => layers.find(({ kind }) => kind === `org.example.${name}`)?.items ?? [];
    assert.equal(itemsOf("loudness").length, SECONDS);
    assert.equal(itemsOf("entropy").length, 2 * SECONDS);
    assert.ok(itemsOf("entropy").every(({ bits = 0 }) => bits > 1 && bits <= 8));
    for (const worker of workers) {
      worker.kill("SIGTERM");
      assert.deepEqual(await once(worker, "exit"), [0, null]);
    }
  }
});
