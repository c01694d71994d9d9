import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeyframeItem } from "@heimdex/sidecar";
import { normalised } from "./align.ts";
import type { SeenFace } from "./face-engine.ts";
import { FaceTimeline } from "./face-timeline.ts";

const keyframe = (n: number, more: Partial<KeyframeItem> = {}): KeyframeItem => ({
  id: `kf_${n}`,
  start_ms: n * 1000,
  end_ms: (n + 1) * 1000,
  start_pts: n * 90_000,
  end_pts: (n + 1) * 90_000,
  time_base: { num: 1, den: 90_000 },
  image: { sha256: "0".repeat(64), size: 1, media_type: "image/jpeg" },
  width: 640,
  height: 360,
  shot: "shot_1",
  ...more,
});
const ANNA = [1, 0, 0];
const BERT = [0, 1, 0];
const face = (vector: readonly number[], more: Partial<SeenFace> = {}): SeenFace => ({
  box: { x: 0.1, y: 0.1, w: 0.2, h: 0.2 },
  landmarks: [],
  confidence: 0.9,
  quality: 0.5,
  vector: normalised(Float32Array.from(vector)),
  crop: Uint8Array.of(1),
  ...more,
});
const timeline = (maxFaces = 100) => new FaceTimeline({ asset: "a", sameFace: 0.7, maxFaces });

test("face timeline: one person on keyframes in a row is one item, with the best of its sightings", () => {
  const line = timeline();
  line.add(keyframe(0, { at_ms: 400, at_pts: 36_000 }), [face(ANNA)]);
  line.add(keyframe(1), [face(BERT), face(ANNA, { quality: 0.8, crop: Uint8Array.of(2), confidence: 0.7 })]);
  line.add(keyframe(2), [face(BERT)]);
  const [anna, bert, ...none] = line.finish();
  assert.deepEqual(none, []);
  assert.deepEqual(anna?.span, {
    start_ms: 0,
    end_ms: 2000,
    start_pts: 0,
    end_pts: 180_000,
    time_base: { num: 1, den: 90_000 },
  });
  assert.deepEqual(
    [anna?.best.ms, anna?.best.quality, anna?.best.confidence, [...(anna?.best.crop ?? [])]],
    [1000, 0.8, 0.7, [2]],
  );
  assert.deepEqual(
    anna?.sightings.map(({ ms, pts }) => [ms, pts]),
    [
      [400, 36_000],
      [1000, 90_000],
    ],
  );
  assert.deepEqual([bert?.span.start_ms, bert?.span.end_ms, bert?.frames], [1000, 3000, [1, 2]]);
});

test("face timeline: who is away for a keyframe comes back as another item", () => {
  const line = timeline();
  line.add(keyframe(0), [face(ANNA)]);
  line.add(keyframe(1), []);
  line.add(keyframe(2), [face(ANNA)]);
  assert.deepEqual(
    line.finish().map(({ span }) => [span.start_ms, span.end_ms]),
    [
      [0, 1000],
      [2000, 3000],
    ],
  );
});

test("face timeline: a face that turned away a little goes on in its place, within its shot only", () => {
  const turned = [0.66, 0.75, 0];
  const same = timeline();
  same.add(keyframe(0), [face(ANNA)]);
  same.add(keyframe(1), [face(turned)]);
  assert.equal(same.finish().length, 1);
  const cut = timeline();
  cut.add(keyframe(0), [face(ANNA)]);
  cut.add(keyframe(1, { shot: "shot_2" }), [face(turned)]);
  assert.equal(cut.finish().length, 2);
  const elsewhere = timeline();
  elsewhere.add(keyframe(0), [face(ANNA)]);
  elsewhere.add(keyframe(1), [face(turned, { box: { x: 0.6, y: 0.1, w: 0.2, h: 0.2 } })]);
  assert.equal(elsewhere.finish().length, 2);
});

test("face timeline: ids do not depend on what else is seen later, and differ within a keyframe", () => {
  const short = timeline();
  short.add(keyframe(0), [face(ANNA), face(BERT)]);
  const long = timeline();
  long.add(keyframe(0), [face(ANNA), face(BERT)]);
  long.add(keyframe(1), [face(BERT)]);
  const ids = (line: FaceTimeline) => line.finish().map(({ id }) => id);
  const first = ids(short);
  assert.deepEqual(first, ids(long));
  assert.equal(new Set(first).size, 2);
});

test("face timeline: of a crowd without end the best are kept, and it says how many are not", () => {
  const line = timeline(5);
  for (let n = 0; n < 40; n++) {
    const strange = [Math.cos(n), Math.sin(n), n % 2 === 0 ? 3 : -3];
    line.add(keyframe(n, { shot: `shot_${n}` }), [face(strange, { quality: n === 7 ? 0.99 : 0.3 })]);
    line.add(keyframe(n), []);
  }
  const kept = line.finish();
  assert.equal(kept.length, 5);
  assert.equal(line.dropped, 35);
  assert.ok(kept.some(({ best }) => best.quality === 0.99));
});
