import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { before, type TestContext, test } from "node:test";
import { locateModel, modelFolder, pullModels } from "@heimdex/models";
import { stageLayer } from "@heimdex/sidecar";
import { type OutputBytes, StageFailure } from "@heimdex/stage-sdk";
import sharp from "sharp";
import { crowd, people } from "../testing/people.ts";
import { drawn } from "../testing/pictures.ts";
import { onPictures } from "../testing/run-stage.ts";
import { createFacesStage } from "./faces-stage.ts";

const MODEL = "human-faces";
before(async () => {
  await pullModels(MODEL);
});
const stage = createFacesStage({ threads: 1 });
const settings = { min_confidence: 0.5, max_faces_per_keyframe: 30, max_faces: 2_000 };

async function run(pictures: readonly Uint8Array[], more: Partial<typeof settings> = {}, signal?: AbortSignal) {
  const { context, said } = onPictures(pictures, signal);
  const out = await stage.run({ ...context, config: { ...settings, ...more } });
  stageLayer.faces.parse(out.faces);
  return { ...out, said };
}
const bytesOf = (output: OutputBytes | undefined) =>
  output !== undefined && "bytes" in output ? output.bytes : Buffer.alloc(0);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const failed = (kind: string, reason: string) => (e: unknown) =>
  e instanceof StageFailure && e.kind === kind && e.reason === reason;
const blank = () => drawn([]).jpeg().toBuffer();

test("vision.faces: is available once the model is there, and names it", async () => {
  const capability = await stage.probe?.(AbortSignal.timeout(60_000));
  assert.ok(capability?.available);
  assert.deepEqual(
    capability.models?.map(({ id }) => id),
    [MODEL],
  );
});

test("vision.faces: somebody a camera pans over is one face of one group, with marks, crop and vector", async () => {
  const { faces, vectors, crops, tracks, said } = await run(await Promise.all([0, 60, 120].map(people)));
  const smiling = faces.items.find(({ start_ms, end_ms }) => start_ms === 0 && end_ms === 3000);
  assert.ok(smiling, "one face is seen on all three");
  assert.deepEqual([smiling.start_pts, smiling.end_pts, smiling.time_base], [0, 270_000, { num: 1, den: 90_000 }]);
  assert.ok((smiling.confidence ?? 0) > 0.8 && (smiling.quality ?? 0) > 0.4);

  const [left, right, nose, mouthLeft, mouthRight] = smiling.landmarks as { x: number; y: number }[];
  assert.ok(left && right && nose && mouthLeft && mouthRight);
  assert.ok(left.x < nose.x && nose.x < right.x && mouthLeft.x < mouthRight.x);
  assert.ok(left.y < nose.y && nose.y < mouthLeft.y);
  const { x, y, w, h } = smiling.box;
  for (const mark of [left, right, nose, mouthLeft, mouthRight])
    assert.ok(mark.x > x && mark.x < x + w && mark.y > y && mark.y < y + h);

  const crop = crops.map(bytesOf).find((bytes) => sha256(bytes) === smiling.crop?.sha256);
  assert.ok(crop, "the crop the item names is put out");
  const { format, width } = await sharp(crop).metadata();
  assert.ok(format === "jpeg" && (width ?? 0) >= 64);

  const matrix = bytesOf(vectors);
  assert.deepEqual([faces.vectors?.sha256, faces.vectors?.size], [sha256(matrix), faces.items.length * 1024 * 4]);
  assert.deepEqual([faces.space?.dimension, faces.space?.model], [1024, MODEL]);
  const row = new Float32Array(matrix.buffer, matrix.byteOffset + (smiling.vector ?? 0) * 4096, 1024);
  assert.ok(Math.abs(row.reduce((sum, value) => sum + value * value, 0) - 1) < 1e-4);

  assert.equal(faces.tracks?.sha256, sha256(bytesOf(tracks)));
  const lines = Buffer.from(bytesOf(tracks))
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    lines.filter(({ item }) => item === smiling.id).map(({ ms, pts }) => [ms, pts]),
    [
      [0, 0],
      [1000, 90_000],
      [2000, 180_000],
    ],
  );
  assert.deepEqual(said.partial, []);
  assert.ok(said.cpuMs > 0 && said.done === 3);
});

test("vision.faces: who comes back is in the same group, others are in others, and the same pictures give the same bytes", async () => {
  const pictures = [await people(40), await blank(), await people(100), await crowd()];
  const { faces } = await run(pictures);
  const smiling = faces.items.filter(({ start_ms, confidence }) => start_ms < 3000 && (confidence ?? 0) > 0.8);
  assert.ok(smiling.length >= 2);
  const together = new Set(
    smiling.filter(({ box }) => Math.abs(box.w - (smiling[0]?.box.w ?? 0)) < 0.02).map(({ group }) => group),
  );
  assert.equal(together.size, 1);
  const onCrowd = faces.items.filter(({ end_ms }) => end_ms === 4000);
  assert.ok(onCrowd.length >= 3);
  assert.equal(
    new Set(onCrowd.map(({ group }) => group)).size,
    onCrowd.length,
    "faces of one picture are different people",
  );
  assert.ok(faces.items.every(({ person }) => person === undefined));
  assert.deepEqual((await run(pictures)).faces, faces);
});

test("vision.faces: no face and no keyframes give a layer without items, space or blobs", async () => {
  for (const pictures of [
    [
      await blank(),
      await drawn([{ text: "FACE", x: 90, y: 300, size: 90 }])
        .jpeg()
        .toBuffer(),
    ],
    [],
  ]) {
    const { faces, vectors, crops, tracks } = await run(pictures);
    assert.deepEqual(
      [faces, vectors, crops, tracks],
      [{ kind: "faces", version: 1, items: [] }, undefined, [], undefined],
    );
  }
});

test("vision.faces: a picture of one pixel and a thin line are looked at", async () => {
  for (const [width, height] of [
    [1, 1],
    [2000, 1],
  ] as const) {
    const tiny = await sharp({ create: { width, height, channels: 3, background: "#caa" } })
      .jpeg()
      .toBuffer();
    assert.deepEqual((await run([tiny])).faces.items, []);
  }
});

test("vision.faces: a broken picture makes the result partial, only broken ones reject the input", async () => {
  const good = await people(0);
  const { faces, said } = await run([good.subarray(0, good.length / 2), good]);
  assert.ok(faces.items.length > 0 && faces.items.every(({ start_ms }) => start_ms === 1000));
  assert.match(said.partial.join(), /1 of 2 keyframes cannot be read, first kf_0/);
  await assert.rejects(run([Buffer.from("no picture")]), failed("INPUT_REJECTED", "KEYFRAMES_UNREADABLE"));
});

test("vision.faces: more faces than asked for leave the best, and it says so", async () => {
  const { faces, said } = await run([await crowd()], { max_faces: 1 });
  assert.equal(faces.items.length, 1);
  assert.match(said.partial.join(), /more than 1 faces/);
});

test("vision.faces: stops when it is cancelled", async () => {
  await assert.rejects(run([await people(0)], {}, AbortSignal.abort(new Error("cancelled"))), /cancelled/);
});

/** A model folder of this test's own, with a copy of the model. */
async function ownModels(t: TestContext): Promise<Readonly<Record<string, string>>> {
  const located = await locateModel(MODEL);
  assert.ok(located.available);
  const folder = await mkdtemp(join(tmpdir(), "heimdex-faces-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await cp(join(modelFolder(), MODEL), join(folder, MODEL), { recursive: true });
  const before = process.env.HEIMDEX_MODELS;
  process.env.HEIMDEX_MODELS = folder;
  t.after(() => {
    if (before === undefined) delete process.env.HEIMDEX_MODELS;
    else process.env.HEIMDEX_MODELS = before;
  });
  const copy = await locateModel(MODEL);
  assert.ok(copy.available);
  return copy.files;
}

test("vision.faces: a damaged model is unusable with what to do about it, a lost one is NO_MODEL", async (t) => {
  const files = await ownModels(t);
  const graph = files["facemesh.json"] as string;
  const whole = await readFile(graph);
  await writeFile(graph, Buffer.alloc(whole.length, "x"));
  const own = createFacesStage({ threads: 1 });
  const damaged = await own.probe?.(AbortSignal.timeout(60_000));
  assert.ok(damaged && !damaged.available && damaged.reason === "MODEL_UNUSABLE");
  assert.match(damaged.help, /facemesh\.json.*heimdex models verify.*heimdex models pull human-faces/s);
  const { context } = onPictures([await people(0)]);
  await assert.rejects(own.run({ ...context, config: settings }), failed("TERMINAL", "MODEL_UNUSABLE"));

  await writeFile(files["faceres.bin"] as string, "cut off");
  const lost = await own.probe?.(AbortSignal.timeout(60_000));
  assert.ok(lost && !lost.available && lost.reason === "NO_MODEL");
  await assert.rejects(own.run({ ...context, config: settings }), failed("TERMINAL", "NO_MODEL"));
});
