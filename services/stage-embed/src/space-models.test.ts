import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { locateModel, modelFolder, pullModels } from "@heimdex/models";
import type { MomentLayer } from "@heimdex/search";
import { type Media, type StageLayer, stageLayer } from "@heimdex/sidecar";
import { StageFailure } from "@heimdex/stage-sdk";
import { createEmbedTextStage, textModels } from "./embed-text-stage.ts";
import type { QueryVector } from "./query-vector.ts";
import { artifact, stageContext } from "./testing/stage-context.ts";
import { furthest, REFERENCE, tinyModel } from "./testing/tiny-models.ts";
import { WORD_MODEL } from "./words/word-embedder.ts";

const SENTENCES = "all-minilm-l6-v2";
const models = textModels();
const stage = createEmbedTextStage(models);
let folder: string;

/** A model folder with the bundled word vectors, and the tiny model in place of MiniLM, which is the one chosen. */
before(async () => {
  await pullModels(WORD_MODEL);
  const words = join(modelFolder(), WORD_MODEL);
  folder = await mkdtemp(join(tmpdir(), "heimdex-spaces-"));
  await symlink(words, join(folder, WORD_MODEL));
  const tiny = await tinyModel({ after }, "bert");
  await pullModels(SENTENCES, { from: tiny, folder });
  process.env.HEIMDEX_MODELS = folder;
  process.env.HEIMDEX_STAGE_MODELS = `embed.text=${SENTENCES}`;
});
after(async () => {
  await models[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

async function ask(request: object): Promise<QueryVector> {
  const answer = await stage.interactive?.(Buffer.from(JSON.stringify(request)), AbortSignal.timeout(60_000));
  return JSON.parse(Buffer.from(answer ?? []).toString("utf8"));
}

function run(texts: readonly string[]) {
  const items = texts.map((text, i) => ({ id: `t${i}`, start_ms: i * 30_000, end_ms: i * 30_000 + 20_000, text }));
  const scenes = items.map(({ start_ms }, i) => ({ id: `s${i}`, start_ms, end_ms: start_ms + 30_000, shots: ["x"] }));
  const { context, progresses } = stageContext();
  const duration_ms = texts.length * 30_000;
  const media = {
    container: "mp4",
    size: 1,
    duration_ms,
    streams: [],
    start_offset_ms: 0,
    vfr: false,
    rotation: 0,
  } as Media;
  const layerOf = <K extends "transcript" | "scenes">(kind: K, its: readonly object[]) =>
    artifact({ kind, version: 1, items: its } as unknown as StageLayer<K> & MomentLayer);
  const inputs = {
    media: artifact(media),
    scenes: layerOf("scenes", scenes),
    shots: undefined,
    transcript: layerOf("transcript", items),
    subtitles: undefined,
    text: undefined,
  };
  return { done: stage.run({ inputs, config: {}, ...context }), progresses };
}

test("the chosen model embeds moments and queries alike; the probe has loaded it", async () => {
  const probed = await stage.probe?.(AbortSignal.timeout(60_000));
  assert.ok(probed?.available);
  assert.deepEqual(
    probed.models?.map(({ id, licence }) => [id, licence]),
    [[SENTENCES, "Apache-2.0"]],
  );
  const [text = "", vector] = Object.entries(REFERENCE.sentences)[0] ?? [];
  const { embeddings, vectors } = await run([text, "bread"]).done;
  const layer = stageLayer.embeddings.parse(embeddings);
  assert.equal(layer.items.length, 2);
  assert.equal(layer.space?.model, SENTENCES);
  assert.ok(vectors !== undefined && "bytes" in vectors);
  const row = new Float32Array(vectors.bytes.buffer, vectors.bytes.byteOffset, 384);
  assert.ok(furthest(row, vector) < 1e-6);
  const answer = await ask({ text });
  assert.deepEqual([answer.space, answer.model, answer.known], [layer.space?.id, SENTENCES, undefined]);
  assert.ok(furthest(answer.vector, vector) < 1e-6);
});

test("while one model takes over from another, a query is answered in the space it names", async () => {
  process.env.HEIMDEX_STAGE_MODELS = `embed.text=${WORD_MODEL}`;
  const words = await ask({ text: "boat" });
  process.env.HEIMDEX_STAGE_MODELS = `embed.text=${SENTENCES}`;
  assert.deepEqual([words.model, words.vector.length, words.known], [WORD_MODEL, 100, ["boat"]]);
  const sentences = await ask({ text: "boat" });
  assert.deepEqual(await ask({ text: "boat", space: words.space }), words);
  assert.deepEqual(await ask({ text: "boat", space: sentences.space }), sentences);
  await assert.rejects(
    ask({ text: "boat", space: "0".repeat(64) }),
    (error) => error instanceof StageFailure && error.reason === "SPACE_UNKNOWN",
  );
});

test("a query never waits behind a batch", async () => {
  const batch = run(Array.from({ length: 1_500 }, () => REFERENCE.long.text));
  let over = false;
  const done = batch.done.finally(() => {
    over = true;
  });
  while (!batch.progresses.some(([count]) => count > 0)) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await ask({ text: "boat" })).vector.length, 384);
  assert.equal(over, false);
  assert.equal((await done).embeddings.items.length, 1_500);
});

test("white space is no query", async () => {
  assert.deepEqual((await ask({ text: " \n" })).vector, []);
});

test("a model that lost bytes is NO_MODEL, one whose bytes are not its own MODEL_UNUSABLE, and the service goes on", async () => {
  const spoilt = await mkdtemp(join(tmpdir(), "heimdex-spoilt-"));
  const fresh = textModels();
  try {
    const tiny = await tinyModel({ after }, "bert");
    await truncate(join(tiny, "onnx/model_quantized.onnx"), 20_000);
    await mkdir(spoilt, { recursive: true });
    await pullModels(SENTENCES, { from: tiny, folder: spoilt });
    process.env.HEIMDEX_MODELS = spoilt;
    const other = createEmbedTextStage(fresh);
    const probed = await other.probe?.(AbortSignal.timeout(60_000));
    assert.ok(probed?.available === false);
    assert.equal(probed.reason, "MODEL_UNUSABLE");
    assert.match(probed.help, /all-minilm-l6-v2 .*heimdex models verify/s);
    await assert.rejects(
      async () => other.interactive?.(Buffer.from('{"text": "boat"}'), AbortSignal.timeout(60_000)),
      (error) => error instanceof StageFailure && error.reason === "MODEL_UNUSABLE" && error.kind === "TERMINAL",
    );
    const located = await locateModel(SENTENCES);
    assert.ok(located.available);
    await truncate(located.files["onnx/model_quantized.onnx"] ?? "", 10_000);
    const lost = await other.probe?.(AbortSignal.timeout(60_000));
    assert.ok(lost?.available === false && lost.reason === "NO_MODEL");
  } finally {
    process.env.HEIMDEX_MODELS = folder;
    await fresh[Symbol.asyncDispose]();
    await rm(spoilt, { recursive: true });
  }
  assert.equal((await ask({ text: "boat" })).vector.length, 384);
});
