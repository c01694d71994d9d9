import assert from "node:assert/strict";
import { test } from "node:test";
import { type KeyframeItem, stageLayer } from "@heimdex/sidecar";
import fc from "fast-check";
import { centerNetObjects } from "./centernet.ts";
import { COCO_LABELS } from "./coco-labels.ts";
import { ObjectTimeline } from "./object-timeline.ts";
import { acrossLooks, distinctObjects } from "./see-objects.ts";

const keyframe = (n: number): KeyframeItem => ({
  id: `kf_${n}`,
  start_ms: n * 1000,
  end_ms: (n + 1) * 1000,
  image: { sha256: "0".repeat(64), size: 1, media_type: "image/jpeg" },
  width: 640,
  height: 360,
});
const box = { x: 0.1, y: 0.1, w: 0.2, h: 0.2 };
const seen = (label: string, confidence = 0.5) => ({ label, confidence, box });

test("object timeline: a label is one item while it is seen, with the most at once and the best sighting", () => {
  const line = new ObjectTimeline("a");
  line.add(keyframe(0), [seen("bottle", 0.4)]);
  line.add(keyframe(1), [seen("bottle", 0.4), seen("bottle", 0.71237), seen("person")]);
  line.add(keyframe(2), [seen("person")]);
  line.add(keyframe(3), [seen("bottle")]);
  assert.deepEqual(
    line.items().map((item) => [item.label, item.start_ms, item.end_ms, item.at_ms, item.count, item.confidence]),
    [
      ["bottle", 0, 2000, 1000, 2, 0.712],
      ["person", 1000, 3000, 1000, 1, 0.5],
      ["bottle", 3000, 4000, 3000, 1, 0.5],
    ],
  );
  assert.equal(line.sightings().length, 6);
});

test("object timeline: whatever is seen, the layer is valid, in order, and every sighting lies in its item", () => {
  const label = fc.constantFrom("bottle", "person", "car");
  fc.assert(
    fc.property(fc.array(fc.array(label, { maxLength: 4 }), { maxLength: 12 }), (frames) => {
      const line = new ObjectTimeline("a");
      for (const [n, labels] of frames.entries())
        line.add(
          keyframe(n),
          labels.map((each) => seen(each)),
        );
      const items = line.items();
      stageLayer.objects.parse({ kind: "objects", version: 1, items });
      assert.equal(new Set(items.map(({ id }) => id)).size, items.length);
      assert.deepEqual(
        items.map(({ start_ms }) => start_ms),
        items.map(({ start_ms }) => start_ms).sort((a, b) => a - b),
      );
      for (const { item, ms } of line.sightings()) {
        const of = items.find(({ id }) => id === item);
        assert.ok(of !== undefined && ms >= of.start_ms && ms < of.end_ms);
      }
      const covered = items.flatMap(({ label, start_ms, end_ms }) =>
        Array.from({ length: (end_ms - start_ms) / 1000 }, (_, i) => `${label}@${start_ms / 1000 + i}`),
      );
      assert.deepEqual(
        covered.sort(),
        frames.flatMap((labels, n) => [...new Set(labels)].map((each) => `${each}@${n}`)).sort(),
      );
    }),
  );
});

test("CenterNet's output: class 39 is a bottle; below the threshold, without area or beyond the classes it is nothing", () => {
  assert.equal(COCO_LABELS.length, 80);
  assert.deepEqual(
    [COCO_LABELS[0], COCO_LABELS[2], COCO_LABELS[39], COCO_LABELS[79]],
    ["person", "car", "bottle", "toothbrush"],
  );
  const rows = [
    [10, 20, 30, 60, 0.5, 39],
    [10, 20, 30, 60, 0.2, 39],
    [10, 20, 10, 60, 0.9, 39],
    [10, 20, 30, 60, 0.9, 80],
    [10, 20, 30, 60, Number.NaN, 1],
  ];
  assert.deepEqual(centerNetObjects(Float32Array.from(rows.flat()), 0.3), [
    { x: 10, y: 20, w: 20, h: 40, label: "bottle", confidence: 0.5 },
  ]);
});

test("things: one thing comes once, under its surest word; neighbours of a kind stay", () => {
  const at = (x: number, label: string, confidence: number) => ({ x, y: 0, w: 10, h: 30, label, confidence });
  const found = [
    at(0, "vase", 0.4),
    at(0, "bottle", 0.5),
    at(1, "bottle", 0.45),
    at(20, "bottle", 0.3),
    at(4, "person", 0.35),
  ];
  assert.deepEqual(
    distinctObjects(found).map(({ label, x }) => [label, x]),
    [
      ["bottle", 0],
      ["person", 4],
      ["bottle", 20],
    ],
  );
});

test("things: what a second look calls by the same name is one thing; another name stands beside it", () => {
  const at = (x: number, label: string, confidence: number) => ({ x, y: 0, w: 30, h: 30, label, confidence });
  const looks = [[at(0, "cell phone", 0.7)], [at(1, "car", 0.4), at(60, "cell phone", 0.5), at(0, "boat", 0.3)]];
  assert.deepEqual(
    acrossLooks(looks).map(({ label, confidence }) => [label, confidence]),
    [
      ["cell phone", 0.7],
      ["cell phone", 0.5],
      ["car", 0.4],
    ],
  );
});
