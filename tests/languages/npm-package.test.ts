import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ffmpeg, folder, heimdex, host, json } from "../cli/heimdex.fixture.ts";
import { npmProject, packSdk, ROOT, runIn } from "./npm-project.fixture.ts";
import { startWorker } from "./worker.fixture.ts";

const KIND = "org.example.bytes";
const STAGE = `
import { customLayer, defineStage, itemId, type OutputsOf, serveStages, source } from "@heimdex/stage-sdk";
import { EngineProcess } from "@heimdex/stage-sdk/engine";
import { StageFailure } from "@heimdex/stage-sdk/failure";
import { z } from "zod";

const kind = "${KIND}";
const outputs = { bytes: customLayer(kind, { size: z.number(), node: z.string(), pid: z.int() }) };
await serveStages([
  defineStage({
    name: kind,
    version: process.version.slice(1),
    behaviour: Number(process.version.split(".")[0]?.slice(1)),
    description: "Counts bytes in a process of its own",
    inputs: { source: source() },
    outputs,
    config: z.object({ factor: z.number().default(2) }),
    async run({ inputs, config, asset, signal, progress, span }): Promise<OutputsOf<typeof outputs>> {
      const bytes = await inputs.source.read(signal);
      if (bytes.length === 0) throw new StageFailure("INPUT_REJECTED", "EMPTY", "no bytes", { help: "Send some." });
      await using engine = new EngineProcess<number, Uint8Array, { size: number; pid: number }>(
        new URL("./engine.js", import.meta.url),
        config.factor,
      );
      const { value } = await span("count", { bytes: bytes.length }, () => engine.call(bytes, signal));
      progress(1, 1, "films");
      const item = { id: itemId("bytes", asset, kind, 0), start_ms: 0, end_ms: 1, ...value, node: process.version };
      return { bytes: { kind, version: 1, items: [item] } };
    },
  }),
]);
`;
const ENGINE = `
import { hostEngine } from "@heimdex/stage-sdk/engine";

hostEngine<number, Uint8Array, { size: number; pid: number }>(async (factor) => async (bytes) => ({
  size: factor * bytes.length,
  pid: process.pid,
}));
`;

test("what npm pack makes of the SDK: declarations that check, and JavaScript that serves a stage on this Node and on the lowest it claims", async (t) => {
  const manifest = JSON.parse(await readFile(join(ROOT, "packages/stage-sdk/package.json"), "utf8"));
  const lowest = /^>=(\d+)$/.exec(manifest.engines.node)?.[1];
  assert.ok(lowest, manifest.engines.node);
  const root = await folder(t);
  const project = await npmProject(t, await packSdk(root), `node@${lowest}.0.0`, "@types/node@24");
  const config = { target: "es2022", module: "nodenext", strict: true, exactOptionalPropertyTypes: true };
  const compilerOptions = { ...config, lib: ["es2024", "esnext.disposable"], types: ["node"] };
  await writeFile(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions }));
  await writeFile(join(project, "stage.ts"), STAGE);
  await writeFile(join(project, "engine.ts"), ENGINE);
  await runIn(project, join(ROOT, "node_modules/.bin/tsc"), "-p", ".");

  const data = join(root, "archive");
  const up = await host(t, data);
  const address = /workers (\S+?),/.exec(await up.line(/^ready after/))?.[1] ?? "";
  const film = join(root, "film.wav");
  await ffmpeg("-f", "lavfi", "-i", "sine=frequency=440:duration=1", film);
  const bytes = (await readFile(film)).length;
  for (const node of [process.execPath, join(project, "node_modules/.bin/node")]) {
    const version = (await runIn(project, node, "--version")).trim();
    const worker = await startWorker(t, project, address, [node, "stage.js"]);
    const { code, stderr } = await heimdex(t, "--data", data, "index", film);
    assert.equal(code, 0, stderr);
    const { document } = await json(t, "--data", data, "sidecar", film);
    const { layers } = document as { layers: { kind: string; items: Record<string, unknown>[] }[] };
    const [item] = layers.find(({ kind }) => kind === KIND)?.items ?? [];
    assert.equal(item?.node, version);
    assert.equal(item.size, 2 * bytes);
    assert.notEqual(item.pid, worker.pid);
    worker.kill("SIGTERM");
    assert.deepEqual(await once(worker, "exit"), [0, null]);
  }
});
