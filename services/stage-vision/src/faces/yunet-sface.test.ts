import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pattern, reference, tinyModel } from "../testing/tiny-models.ts";
import type { FaceMarks } from "./face-engine.ts";
import { openYuNetSFace } from "./yunet-sface.ts";

const open = () => openYuNetSFace(tinyModel("yunet"), tinyModel("sface"), 1);
const near = (got: readonly number[], want: readonly number[], within: number) => {
  for (const [i, value] of want.entries())
    assert.ok(Math.abs((got[i] as number) - value) <= within, `${got} is not ${want}`);
};

test("YuNet: the faces OpenCV's FaceDetectorYN finds with the same weights, in its order", async () => {
  const { yunet } = await reference();
  const found = await (await open()).find(pattern(640, 640), yunet.min_confidence);
  assert.equal(found.length, yunet.faces.length);
  const byScore = yunet.faces.toSorted((a, b) => (b[14] as number) - (a[14] as number));
  for (const [i, { x, y, w, h, marks, confidence }] of found.entries())
    near([x, y, w, h, ...marks.flat(), confidence], byScore[i] as number[], 0.01);
});

test("YuNet: on a picture of another size and shape, boxes and marks lie where they are in it", async () => {
  const models = await open();
  const wide = pattern(320, 90);
  const square = { width: 320, height: 320, rgb: new Uint8Array(320 * 320 * 3) };
  square.rgb.set(wide.rgb, 320 * 115 * 3);
  const [one] = await models.find(wide, 0.6);
  const [same] = await models.find(square, 0.6);
  assert.ok(one && same);
  near([one.x, one.y + 115, one.w, one.h], [same.x, same.y, same.w, same.h], 0.01);
  near(
    one.marks.flat(),
    same.marks.flatMap(([x, y]) => [x, y - 115]),
    0.01,
  );
});

test("SFace: the vector OpenCV's FaceRecognizerSF makes of the same face with the same weights", async () => {
  const { sface } = await reference();
  const vector = await (await open()).describe(pattern(640, 640), sface.marks as unknown as FaceMarks);
  assert.equal(vector.length, 128);
  const cosine = sface.vector.reduce((sum, value, i) => sum + value * (vector[i] as number), 0);
  assert.ok(cosine > 0.9995, `cosine ${cosine}`);
});

test("YuNet and SFace: files that are cut off, or each other's, are MODEL_UNUSABLE", async (t) => {
  const dir = await mkdtemp(join(tmpdir(), "heimdex-yunet-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const cut = join(dir, "cut.onnx");
  await writeFile(cut, (await readFile(tinyModel("sface"))).subarray(0, 4000));
  const unusable = { code: "MODEL_UNUSABLE" };
  await assert.rejects(openYuNetSFace(tinyModel("yunet"), cut, 1), unusable);
  await assert.rejects(openYuNetSFace(tinyModel("sface"), tinyModel("yunet"), 1), unusable);
});
