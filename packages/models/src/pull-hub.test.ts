import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import type { FetchLimits } from "./fetch-limits.ts";
import { type Answer, COMMIT, type Hub, plainly, startHub } from "./hub.fixture.ts";
import {
  listModels,
  locateModel,
  type ModelEntry,
  type PullEvent,
  type PullOptions,
  pullModels,
  removeModel,
  verifyModels,
} from "./index.ts";

const WEIGHTS = "onnx/model.onnx";
const weights = randomBytes(400_000);
const FILES = { [WEIGHTS]: weights, "config.json": Buffer.from('{"tiny":true}'), "empty.txt": Buffer.alloc(0) };
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const entry: ModelEntry = {
  id: "tiny",
  profiles: ["standard"],
  purpose: "A test's own model",
  stages: ["test.stage"],
  revision: "1",
  licence: { spdx: "Apache-2.0", note: "Made by this test." },
  source: { kind: "hf", repo: "somebody/tiny", revision: "main" },
  files: {
    [WEIGHTS]: {},
    "copy/model.onnx": { path: WEIGHTS },
    "config.json": {},
    "empty.txt": {},
    "generation_config.json": { optional: true },
  },
  runtime: "heimdex",
  preprocessing: "none",
};
/** Failures are seen in milliseconds; nothing waits for them. */
const limits: Partial<FetchLimits> = { attempts: 3, firstPauseMs: 1, longestPauseMs: 2 };

type Options = PullOptions & { folder: string; models: readonly ModelEntry[] };
async function setUp(t: TestContext, change: Partial<ModelEntry> = {}): Promise<{ hub: Hub; pull: Options }> {
  const hub = await startHub(FILES);
  const folder = await mkdtemp(join(tmpdir(), "heimdex-hub-"));
  t.after(async () => {
    await hub[Symbol.asyncDispose]();
    await rm(folder, { recursive: true });
  });
  const env = { HEIMDEX_HF_ENDPOINT: `${hub.address}/` };
  return { hub, pull: { folder, models: [{ ...entry, ...change }], env, limits } };
}
const failing =
  (id: string, text: RegExp, help = /./) =>
  (error: unknown) =>
    error instanceof HeimdexError && error.id === id && text.test(error.message) && help.test(error.help);
const visible = async (folder: string) => (await readdir(folder)).filter((name) => name !== ".lock").sort();
const ranges = (hub: Hub) => hub.seen.filter(({ path }) => path.includes("/resolve/")).map(({ range }) => range);
async function assertWhole(pull: Options): Promise<void> {
  const located = await locateModel("tiny", pull);
  assert.ok(located.available);
  for (const [name, path] of Object.entries(located.files)) {
    const want = FILES[name === "copy/model.onnx" ? WEIGHTS : (name as keyof typeof FILES)];
    assert.deepEqual(await readFile(path), want, name);
  }
  assert.deepEqual(await visible(pull.folder), ["models.lock.json", "tiny"]);
}

test("a repository is pulled, recorded, listed and verified; what is not there may be missing when it is optional", async (t) => {
  const { hub, pull } = await setUp(t);
  assert.equal((await locateModel("tiny", pull)).available, false);
  const events: PullEvent[] = [];
  const [pulled] = await pullModels("standard", { ...pull, onProgress: (event) => events.push(event) });
  assert.equal(pulled?.state, "PULLED");
  await assertWhole(pull);
  const last = events.at(-1);
  assert.deepEqual([last?.phase, last?.done_bytes], ["done", last?.total_bytes]);
  // The same content under two names is fetched once.
  assert.equal(hub.seen.filter(({ path }) => path.endsWith(WEIGHTS)).length, 1);

  const lock = JSON.parse(await readFile(join(pull.folder, "models.lock.json"), "utf8"));
  const digest = { sha256: sha256(weights), size: weights.length };
  assert.deepEqual(lock.models.tiny, {
    source: "hf:somebody/tiny@main",
    commit: COMMIT,
    from: `${hub.address}/somebody/tiny`,
    files: {
      [WEIGHTS]: digest,
      "copy/model.onnx": digest,
      "config.json": { sha256: sha256(FILES["config.json"]), size: 13 },
      "empty.txt": { sha256: sha256(Buffer.alloc(0)), size: 0 },
    },
  });
  const [listed] = await listModels(pull);
  assert.deepEqual([listed?.present, listed?.size], [true, 2 * weights.length + 13]);
  assert.deepEqual(await verifyModels("tiny", pull), [{ id: "tiny", state: "OK", bad: [] }]);

  hub.seen.length = 0;
  assert.equal((await pullModels("tiny", pull))[0]?.state, "PRESENT");
  assert.deepEqual(hub.seen, []);
});

test("what was recorded is required from then on; only forgetting the model lets another one in", async (t) => {
  const { hub, pull } = await setUp(t);
  await pullModels("tiny", pull);
  const before = await locateModel("tiny", pull);
  assert.ok(before.available);
  await rm(before.dir, { recursive: true });
  hub.files.set(WEIGHTS, randomBytes(weights.length));
  const refused = failing("MODEL_CORRUPT", /tiny: .*onnx\/model\.onnx.*on record/, /models rm tiny/);
  await assert.rejects(pullModels("tiny", pull), refused);
  // Of a file in git only git's name is stated: it is seen when it is there.
  hub.files.set(WEIGHTS, weights);
  hub.files.set("config.json", Buffer.from('{"tiny":null}'));
  await assert.rejects(pullModels("tiny", pull), failing("MODEL_CORRUPT", /tiny: .*config\.json/, /models rm tiny/));
  assert.equal((await locateModel("tiny", pull)).available, false);

  await removeModel("tiny", pull);
  await pullModels("tiny", pull);
  const after = await locateModel("tiny", pull);
  assert.ok(after.available);
  assert.notEqual(after.sha256, before.sha256);
});

const breakingOff =
  (at: number): Answer =>
  (request, response, bytes, nth) => {
    if (nth > 0) return plainly(request, response, bytes, nth);
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, at), () => response.destroy());
  };
/** Nothing that a server does to the weights keeps them from being fetched. */
const survived: readonly (readonly [string, Answer, (ranges: (string | undefined)[]) => boolean])[] = [
  ["breaks off in the middle", breakingOff(150_000), (all) => all.some((range) => /^bytes=\d+-$/.test(range ?? ""))],
  [
    "announces more than it sends",
    (_request, response, bytes) => {
      response.writeHead(200, { "content-length": bytes.length + 1000 });
      response.write(bytes);
    },
    () => true,
  ],
  [
    "announces and sends less at first",
    (request, response, bytes, nth) => {
      if (nth > 0) plainly(request, response, bytes, nth);
      else response.writeHead(200, { "content-length": 1000 }).end(bytes.subarray(0, 1000));
    },
    (all) => all.includes("bytes=1000-"),
  ],
  [
    "breaks off and then ignores ranges",
    (request, response, bytes, nth) => {
      if (nth === 0) breakingOff(150_000)(request, response, bytes, nth);
      else response.writeHead(200, { "content-length": bytes.length }).end(bytes);
    },
    () => true,
  ],
  [
    "breaks off and then sends another part",
    (request, response, bytes, nth) => {
      if (nth !== 1) breakingOff(150_000)(request, response, bytes, nth);
      else
        response
          .writeHead(206, { "content-range": `bytes 7-${bytes.length - 1}/${bytes.length}` })
          .end(bytes.subarray(7));
    },
    (all) => all.length > 4,
  ],
  [
    "says 429 with a time, then 500, then 416, and sends",
    (request, response, bytes, nth) => {
      if (nth === 0) response.writeHead(429, { "retry-after": "0" }).end();
      else if (nth === 1) response.writeHead(500).end();
      else plainly(request, response, bytes, nth);
    },
    () => true,
  ],
  [
    "trickles and is left for a new connection",
    (request, response, bytes, nth) => {
      if (nth > 0) return plainly(request, response, bytes, nth);
      response.writeHead(200, { "content-length": bytes.length });
      response.write(bytes.subarray(0, 100)); // and no more
    },
    (all) => all.includes("bytes=100-"),
  ],
  [
    "does not answer at first",
    (request, response, bytes, nth) => {
      if (nth > 0) plainly(request, response, bytes, nth);
    },
    () => true,
  ],
];
for (const [name, answer, isRight] of survived) {
  test(`a server that ${name}`, async (t) => {
    const { hub, pull } = await setUp(t);
    hub.answers.set(WEIGHTS, answer);
    const patience = { ...limits, answerWithinMs: 300, stallWindowMs: 300, stallBytes: 1000 };
    await pullModels("tiny", { ...pull, limits: patience });
    await assertWhole(pull);
    assert.ok(isRight(ranges(hub)), String(ranges(hub)));
  });
}

/** What cannot be mended ends with an error that says what to do, and with no file under its name. */
const refusals: readonly (readonly [string, string, (hub: Hub) => unknown, RegExp, RegExp])[] = [
  [
    "sends other bytes than it states",
    "MODEL_CORRUPT",
    (hub) => hub.answers.set(WEIGHTS, (_, response, bytes) => response.end(Buffer.alloc(bytes.length))),
    /tiny: .*onnx\/model\.onnx has SHA-256/,
    /./,
  ],
  [
    "sends other bytes than git's name says",
    "MODEL_CORRUPT",
    (hub) => hub.answers.set("config.json", (_, response) => response.end('{"tiny":null}')),
    /tiny: .*config\.json has SHA-256/,
    /./,
  ],
  [
    "always breaks off at the same byte and knows no ranges",
    "MODEL_FETCH_FAILED",
    (hub) => hub.answers.set(WEIGHTS, (request, response, bytes) => breakingOff(1000)(request, response, bytes, 0)),
    /tiny: .*onnx\/model\.onnx/,
    /pull tiny/,
  ],
  ["has no such file", "MODEL_FETCH_FAILED", (hub) => hub.files.delete("config.json"), /holds no config\.json/, /./],
  [
    "has the file on its list only",
    "MODEL_FETCH_FAILED",
    (hub) => hub.answers.set(WEIGHTS, (_, response) => response.writeHead(404).end()),
    /model\.onnx answers 404/,
    /./,
  ],
  ["has no such model", "MODEL_FETCH_FAILED", (hub) => refuseAll(hub, 404), /answers 404/, /HEIMDEX_HF_ENDPOINT/],
  ["wants to know who asks", "MODEL_FETCH_FAILED", (hub) => refuseAll(hub, 401), /answers 401/, /gated.*HF_TOKEN/],
  [
    "has the model behind terms",
    "MODEL_FETCH_FAILED",
    (hub) => refuseAll(hub, 403, { "x-error-message": "Access to model somebody/tiny is restricted" }),
    /answers 403: Access to model/,
    /gated.*HF_TOKEN/,
  ],
  [
    "asks to come back tomorrow",
    "MODEL_FETCH_FAILED",
    (hub) => refuseAll(hub, 429, { "retry-after": "86400" }),
    /429/,
    /./,
  ],
  ["is down", "MODEL_FETCH_FAILED", (hub) => refuseAll(hub, 503), /answers 503/, /pull tiny/],
  [
    "redirects in circles",
    "MODEL_FETCH_FAILED",
    (hub) => hub.answers.set(WEIGHTS, (request, response) => response.writeHead(302, { location: request.url }).end()),
    /redirects more than/,
    /./,
  ],
  [
    "redirects to a file of this machine",
    "MODEL_FETCH_FAILED",
    (hub) =>
      hub.answers.set(WEIGHTS, (_, response) => response.writeHead(302, { location: "file:///etc/passwd" }).end()),
    /not followed/,
    /./,
  ],
  [
    "lists sizes that cannot be stored",
    "DISK_FULL",
    (hub) => hub.lies.set(WEIGHTS, { lfs: { oid: sha256(weights), size: 2 ** 60 } }),
    /no room/,
    /./,
  ],
];
function refuseAll(hub: Hub, status: number, headers: Record<string, string> = {}): void {
  hub.refuse = { status, headers, times: Number.POSITIVE_INFINITY };
}
for (const [name, id, prepare, message, help] of refusals) {
  test(`refused: a server that ${name}`, async (t) => {
    const { hub, pull } = await setUp(t);
    prepare(hub);
    await assert.rejects(pullModels("tiny", pull), failing(id, message, help));
    assert.deepEqual(
      (await visible(pull.folder)).filter((file) => file !== ".parts"),
      [],
    );
  });
}

test("a page before the hub, such as a log-in, is told from a hub", async (t) => {
  const { hub, pull } = await setUp(t);
  hub.refuse = { status: 200, times: Number.POSITIVE_INFINITY };
  await assert.rejects(pullModels("tiny", pull), failing("MODEL_FETCH_FAILED", /does not answer as a hub/, /log-in/));
});

test("the token goes to the hub, and not along with a redirect to another host", async (t) => {
  const { hub, pull } = await setUp(t);
  const store = await startHub(FILES);
  t.after(() => store[Symbol.asyncDispose]());
  hub.answers.set(WEIGHTS, (request, response) =>
    response.writeHead(302, { location: `${store.address}${request.url}` }).end(),
  );
  await pullModels("tiny", { ...pull, env: { ...pull.env, HF_TOKEN: "secret" } });
  await assertWhole(pull);
  assert.ok(hub.seen.every(({ token }) => token === "Bearer secret"));
  assert.deepEqual(
    store.seen.map(({ token }) => token),
    [undefined],
  );
});

test("a proxy is used for the hub, but not where NO_PROXY names it", async (t) => {
  const { hub, pull } = await setUp(t);
  // To a proxy the whole address is asked for.
  const proxy = await startHub({});
  t.after(() => proxy[Symbol.asyncDispose]());
  const env = { ...pull.env, HTTP_PROXY: proxy.address };
  await assert.rejects(pullModels("tiny", { ...pull, env }), failing("MODEL_FETCH_FAILED", /404/));
  assert.equal(proxy.seen[0]?.path, `${hub.address}/api/models/somebody/tiny/revision/main`);
  await pullModels("tiny", { ...pull, env: { ...env, NO_PROXY: "127.0.0.1" } });
  await assertWhole(pull);
});

test("killed in the middle of a file, the next pull asks for the rest only", async (t) => {
  const { hub, pull } = await setUp(t);
  hub.answers.set(WEIGHTS, (request, response, bytes, nth) => {
    if (nth > 0) return plainly(request, response, bytes, nth);
    response.writeHead(200, { "content-length": bytes.length });
    response.write(bytes.subarray(0, 200_000));
  });
  const program = `
    import { pullModels } from ${JSON.stringify(join(import.meta.dirname, "index.ts"))};
    await pullModels("tiny", { folder: ${JSON.stringify(pull.folder)}, models: ${JSON.stringify(pull.models)}, env: ${JSON.stringify(pull.env)},
      onProgress: ({ done_bytes }) => { if (done_bytes >= 200_000) process.stdout.write("enough"); } });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.equal((await locateModel("tiny", pull)).available, false);
  hub.seen.length = 0;
  await pullModels("tiny", pull);
  await assertWhole(pull);
  assert.ok(ranges(hub).includes("bytes=200000-"), String(ranges(hub)));
});

test("an earlier pull's part that does not fit is thrown away and the file fetched anew", async (t) => {
  const { pull } = await setUp(t);
  const parts = join(pull.folder, ".parts");
  await mkdir(parts);
  await writeFile(join(parts, `sha256-${sha256(weights)}`), Buffer.alloc(1000));
  await pullModels("tiny", pull);
  await assertWhole(pull);
});

test("stopped, it says so with the signal's reason and keeps no half model", async (t) => {
  const { hub, pull } = await setUp(t);
  const stop = new AbortController();
  hub.answers.set(WEIGHTS, () => stop.abort(new Error("enough")));
  await assert.rejects(pullModels("tiny", { ...pull, signal: stop.signal }), /enough/);
  assert.deepEqual(
    (await visible(pull.folder)).filter((file) => file !== ".parts"),
    [],
  );
});
