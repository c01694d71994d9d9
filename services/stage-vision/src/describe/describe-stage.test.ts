import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type Picture, readPicture } from "@heimdex/engine";
import { pullModels } from "@heimdex/models";
import { type KeyframeItem, type StageLayer, stageLayer } from "@heimdex/sidecar";
import { type InputArtifact, StageFailure } from "@heimdex/stage-sdk";
import sharp from "sharp";
import { chequered, tinyFlorence } from "../testing/tiny-florence.ts";
import { createDescribeStage } from "./describe-stage.ts";
import { FlorenceCaptioner } from "./florence-captioner.ts";

const DEFAULTS = { max_keyframes: 60, look_alike: 5, detail: "detailed" as const };

/** A model folder of its own, the tiny captioner pulled into it, and the stage set to it. */
async function withTinyModel(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "heimdex-describe-"));
  const before = { ...process.env };
  Object.assign(process.env, { HEIMDEX_MODELS: folder, HEIMDEX_STAGE_MODELS: "vision.describe=florence-2-base" });
  t.after(async () => {
    for (const name of ["HEIMDEX_MODELS", "HEIMDEX_STAGE_MODELS"]) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
    await rm(folder, { recursive: true });
  });
  const from = await tinyFlorence(t);
  await pullModels("florence-2-base", { from });
  return from;
}

const jpeg = ({ rgb, width, height }: Picture) =>
  sharp(rgb, { raw: { width, height, channels: 3 } })
    .jpeg({ quality: 95 })
    .toBuffer();

function artifact<T>(content: Uint8Array, mediaType: string, value?: T): InputArtifact<T> {
  const refuse = async (): Promise<never> => {
    throw new Error("not of this port");
  };
  return {
    sha256: createHash("sha256").update(content).digest("hex"),
    size: content.length,
    mediaType,
    path: undefined,
    url: "http://invalid/",
    location: "http://invalid/",
    read: async () => content,
    file: refuse,
    json: value === undefined ? refuse : async () => value,
  };
}

/** Runs the stage on pictures that stand for a second each. */
async function run(pictures: readonly Uint8Array[], settings: Partial<Parameters<typeof configured>[0]> = {}) {
  const stage = createDescribeStage({ threads: 1 });
  const images = pictures.map((content) => artifact<undefined>(content, "image/jpeg"));
  const items = images.map(
    ({ sha256, size }, i): KeyframeItem => ({
      ...{ id: `kf_${i}`, start_ms: i * 1000, end_ms: (i + 1) * 1000, width: 640, height: 360 },
      image: { sha256, size, media_type: "image/jpeg" },
      sharpness: i,
    }),
  );
  const layer: StageLayer<"keyframes"> = { kind: "keyframes", version: 1, items };
  const partial: string[] = [];
  const steps: string[] = [];
  const { captions } = await stage.run({
    inputs: { keyframes: artifact(Buffer.from(JSON.stringify(layer)), "application/json", layer), images },
    config: configured(settings),
    signal: AbortSignal.timeout(120_000),
    ...{ asset: "asset", sourceName: "film.mp4", scratch: "/nonexistent", attempt: 1 },
    progress: (done, total, unit) => steps.push(`${done}/${total} ${unit}`),
    partial: (reason) => partial.push(reason),
    log: () => {},
    span: (_name, _attributes, work) => work(),
    cpu: () => {},
  });
  stageLayer.captions.parse(captions);
  const lines = captions.items.map(({ start_ms, end_ms, keyframe, text }) => ({ start_ms, end_ms, keyframe, text }));
  return { captions, lines, partial, steps };
}
const configured = (settings: { max_keyframes?: number; look_alike?: number; detail?: "brief" | "detailed" }) => ({
  ...DEFAULTS,
  ...settings,
});

test("vision.describe: is not available without a chosen model, and says how to get one", async (t) => {
  const before = process.env.HEIMDEX_STAGE_MODELS;
  delete process.env.HEIMDEX_STAGE_MODELS;
  t.after(() => {
    if (before !== undefined) process.env.HEIMDEX_STAGE_MODELS = before;
  });
  const capability = await createDescribeStage().probe?.(AbortSignal.timeout(60_000));
  assert.ok(capability?.available === false);
  assert.equal(capability.reason, "NO_MODEL");
  assert.match(capability.help ?? "", /heimdex models use/);
});

test("vision.describe: is available with one, and names it", async (t) => {
  await withTinyModel(t);
  const capability = await createDescribeStage({ threads: 1 }).probe?.(AbortSignal.timeout(60_000));
  assert.ok(capability?.available);
  assert.deepEqual(
    capability.models?.map(({ id, licence }) => [id, licence]),
    [["florence-2-base", "MIT"]],
  );
});

test("vision.describe: what differs is described, what looks alike once, and it says what the model says of the picture", async (t) => {
  const dir = await withTinyModel(t);
  const [quay, street] = [await jpeg(chequered(640, 360, 7)), await jpeg(chequered(640, 360, 91))];
  const sameQuay = await sharp(quay).modulate({ brightness: 1.01 }).jpeg().toBuffer();
  const { lines, captions, partial, steps } = await run([quay, sameQuay, street, quay]);
  const captioner = await FlorenceCaptioner.open(dir, 1);
  const [ofQuay, ofStreet] = [
    await captioner.caption(await readPicture(sameQuay), "detailed"),
    await captioner.caption(await readPicture(street), "detailed"),
  ];
  assert.notEqual(ofQuay, ofStreet);
  // The sharpest of the look-alikes is the last one; it is the very picture of the first.
  const said = await captioner.caption(await readPicture(quay), "detailed");
  assert.deepEqual(lines, [
    { start_ms: 0, end_ms: 2000, keyframe: "kf_0", text: said },
    { start_ms: 2000, end_ms: 3000, keyframe: "kf_2", text: ofStreet },
    { start_ms: 3000, end_ms: 4000, keyframe: "kf_3", text: said },
  ]);
  assert.equal(captions.language, "en");
  assert.deepEqual(partial, []);
  // Four pictures are compared, then two are described, and what is done only grows.
  const done = steps.map((step) => Number.parseInt(step, 10));
  assert.deepEqual(
    done,
    done.toSorted((a, b) => a - b),
  );
  assert.equal(steps.at(-1), "6/6 looks");
});

test("vision.describe: at most so many keyframes, spread over the film; brief when asked", async (t) => {
  await withTinyModel(t);
  const pictures = await Promise.all([3, 45, 91, 130, 170, 215].map((shade) => jpeg(chequered(640, 360, shade))));
  const { lines, steps } = await run(pictures, { max_keyframes: 2, detail: "brief", look_alike: 2 });
  assert.deepEqual(
    lines.map(({ keyframe }) => keyframe),
    ["kf_1", "kf_4"],
  );
  assert.equal(steps.at(-1), "8/8 looks");
});

test("vision.describe: a broken picture costs that picture, only broken ones are refused, none is an empty layer", async (t) => {
  await withTinyModel(t);
  const good = await jpeg(chequered(640, 360, 7));
  const { lines, partial } = await run([good, Buffer.from("no picture"), good]);
  assert.deepEqual(
    lines.map(({ start_ms, end_ms }) => [start_ms, end_ms]),
    [
      [0, 1000],
      [2000, 3000],
    ],
  );
  assert.match(partial[0] ?? "", /1 of 3 keyframes cannot be read, first kf_1/);
  await assert.rejects(
    run([Buffer.from("no picture")]),
    (error) => error instanceof StageFailure && error.reason === "KEYFRAMES_UNREADABLE",
  );
  assert.deepEqual((await run([])).lines, []);
});
