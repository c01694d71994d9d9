import assert from "node:assert/strict";
import { test } from "node:test";
import { pattern, reference, tinyModel } from "../testing/tiny-models.ts";
import { COCO_LABELS } from "./coco-labels.ts";
import { openDFine } from "./d-fine.ts";

test("D-FINE: what NumPy, Pillow and ONNX Runtime make of the same picture with the same weights", async () => {
  const { d_fine } = await reference();
  const [found = []] = await (await openDFine(tinyModel("d-fine"), 1)).find(pattern(320, 240), d_fine.min_confidence);
  assert.equal(found.length, d_fine.objects.length);
  for (const [i, [kind, score, cx, cy, w, h]] of d_fine.objects.entries()) {
    const { label, confidence, ...box } = found[i] as (typeof found)[number];
    assert.equal(label, COCO_LABELS[kind as number]);
    const got = [confidence, (box.x + box.w / 2) / 320, (box.y + box.h / 2) / 240, box.w / 320, box.h / 240];
    for (const [k, want] of [score, cx, cy, w, h].entries())
      assert.ok(Math.abs((got[k] as number) - (want as number)) < 1e-4);
  }
});

test("D-FINE: another model's file is MODEL_UNUSABLE", async () => {
  await assert.rejects(openDFine(tinyModel("sface"), 1), { code: "MODEL_UNUSABLE" });
});
