import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";
import { type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import { locateModel, type ModelEntry, type PullOptions, pullModels, verifyModels } from "./index.ts";

const weights = randomBytes(100_000);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const shared = {
  profiles: ["standard" as const],
  purpose: "A test's own model",
  stages: ["test.stage"],
  revision: "1",
  licence: { spdx: "Apache-2.0", note: "Made by this test." },
  runtime: "heimdex" as const,
  preprocessing: "none",
};
const hub: ModelEntry = {
  ...shared,
  id: "tiny",
  source: { kind: "hf", repo: "somebody/tiny", revision: "main" },
  files: { "onnx/model.onnx": {}, "config.json": {}, "generation_config.json": { optional: true } },
};
/** Fixed by the manifest, under other names than the package has. */
const fixed: ModelEntry = {
  ...shared,
  id: "tiny-package",
  stages: ["test.other"],
  source: { kind: "npm", package: "tiny", version: "1.0.0", integrity: `sha512-${"A".repeat(86)}==`, size: 1 },
  files: { "model.onnx": { path: "dist/Tiny.onnx", sha256: sha256(weights), size: weights.length } },
};

async function setUp(t: TestContext, files: Record<string, Uint8Array | string>) {
  const work = await mkdtemp(join(tmpdir(), "heimdex-folder-"));
  t.after(() => rm(work, { recursive: true }));
  const from = join(work, "from");
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(from, name)), { recursive: true });
    await writeFile(join(from, name), content);
    await chmod(join(from, name), 0o444); // as on a read-only disk
  }
  // No address of this machine answers: nothing but the folder can have brought it.
  const env = { HEIMDEX_HF_ENDPOINT: "http://127.0.0.1:9" };
  const options = (name: string) => ({ folder: join(work, name), models: [hub, fixed], env }) satisfies PullOptions;
  return { from, work, options };
}
const failing = (id: string, text: RegExp) => (error: unknown) =>
  error instanceof HeimdexError && error.id === id && text.test(error.message) && error.help.length > 0;
const files = { "onnx/model.onnx": weights, "config.json": "{}", "README.md": "not part of it" };

test("a folder with a hub's files is copied, recorded, and required to stay the same", async (t) => {
  const { from, options } = await setUp(t, files);
  const pull = options("models");
  assert.equal((await pullModels("tiny", { ...pull, from }))[0]?.state, "PULLED");
  const located = await locateModel("tiny", pull);
  assert.ok(located.available);
  assert.deepEqual(Object.keys(located.files).sort(), ["config.json", "onnx/model.onnx"]);
  assert.deepEqual(await readFile(located.files["onnx/model.onnx"] ?? ""), weights);
  assert.equal((await verifyModels("tiny", pull))[0]?.state, "OK");

  await rm(located.dir, { recursive: true });
  await chmod(join(from, "config.json"), 0o644);
  await writeFile(join(from, "config.json"), "[]");
  await assert.rejects(
    pullModels("tiny", { ...pull, from }),
    failing("MODEL_CORRUPT", /tiny: config\.json has .*on record/),
  );
  assert.deepEqual((await readdir(pull.folder)).sort(), [".lock", "models.lock.json", "tiny"]);
});

test("a package's files are taken from a folder by either name, and only when they are what the manifest says", async (t) => {
  for (const name of ["dist/Tiny.onnx", "model.onnx"]) {
    const { from, options } = await setUp(t, { [name]: weights });
    await pullModels("tiny-package", { ...options("models"), from });
    assert.equal((await verifyModels("tiny-package", options("models")))[0]?.state, "OK");
  }
  const { from, options } = await setUp(t, { "model.onnx": weights.subarray(1) });
  await assert.rejects(
    pullModels("tiny-package", { ...options("models"), from }),
    failing("MODEL_CORRUPT", /tiny-package: model\.onnx has/),
  );
});

test("a folder without the files, or for several models, is refused", async (t) => {
  const { from, options, work } = await setUp(t, { "config.json": "{}" });
  const pull = options("models");
  const noFile = failing("MODEL_FETCH_FAILED", /tiny: there is no .*onnx\/model\.onnx/);
  await assert.rejects(pullModels("tiny", { ...pull, from }), noFile);
  await assert.rejects(
    pullModels("tiny", { ...pull, from: join(work, "nowhere") }),
    failing("MODEL_FETCH_FAILED", /no /),
  );
  await assert.rejects(pullModels("standard", { ...pull, from }), failing("INVALID_ARGUMENT", /2 were asked for/));
  assert.deepEqual(await readdir(pull.folder), [".lock"]);
});

test("a filled model folder is a mirror, on a disk and on a web server, for packages and hubs alike", async (t) => {
  const { from, options } = await setUp(t, { ...files, "model.onnx": weights });
  const filled = options("filled");
  await pullModels("tiny", { ...filled, from });
  await pullModels("tiny-package", { ...filled, from });
  const seen: string[] = [];
  const server = createServer(async (request, response) => {
    const path = normalize(request.url ?? "").replace("/mirror", "");
    seen.push(path);
    const bytes = await readFile(join(filled.folder, path)).catch(() => undefined);
    if (bytes === undefined) response.writeHead(404).end();
    else response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const web = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mirror`;
  for (const [name, mirror] of [
    ["disk", filled.folder],
    ["web", web],
    ["slash", `${web}/`],
  ] as const) {
    const pull = options(name);
    const env = { ...pull.env, HEIMDEX_MODEL_MIRROR: mirror };
    const states = (await pullModels("standard", { ...pull, env })).map(({ state }) => state);
    assert.deepEqual(states, ["PULLED", "PULLED"]);
    assert.ok((await verifyModels(undefined, pull)).every(({ state }) => state === "OK"));
  }
  assert.ok(seen.includes("/models.lock.json"));

  // Of models that the manifest fixes nothing is recorded: a mirror of such alone has no lock file.
  await rm(join(filled.folder, "models.lock.json"));
  for (const [name, mirror] of [
    ["disk-fixed", filled.folder],
    ["web-fixed", web],
  ] as const) {
    const env = { ...filled.env, HEIMDEX_MODEL_MIRROR: mirror };
    assert.equal((await pullModels("tiny-package", { ...options(name), env }))[0]?.state, "PULLED");
  }

  // It is asked instead of the source: what it does not have is missing.
  const others = { ...options("others"), models: [{ ...hub, id: "other" }] };
  const env = { ...others.env, HEIMDEX_MODEL_MIRROR: web };
  const noRecord = failing("MODEL_FETCH_FAILED", /other: the mirror .* has no record/);
  await assert.rejects(pullModels("other", { ...others, env }), noRecord);
});
