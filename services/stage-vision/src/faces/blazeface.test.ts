import assert from "node:assert/strict";
import { test } from "node:test";
import { type BlazeGrid, blazeFaces } from "./blazeface.ts";

const empty = (anchors: number): BlazeGrid => ({
  logits: new Float32Array(anchors).fill(-50),
  values: new Float32Array(anchors * 16),
});
/** Says a face at an anchor: centre and size in pixels, points at its centre. */
function plant({ logits, values }: BlazeGrid, anchor: number, logit: number, value: readonly number[]) {
  logits[anchor] = logit;
  values.set(value, anchor * 16);
}

test("blazeFaces: offsets count from the anchor's spot", () => {
  const [fine, coarse] = [empty(512), empty(384)];
  // Row 3, column 5 of the fine grid, second anchor: its spot is (5.5, 3.5) x 16 = (88, 56).
  plant(fine, (3 * 16 + 5) * 2 + 1, 2, [4, -6, 40, 30, -8, -5]);
  const [face, ...others] = blazeFaces([fine, coarse], 0.5);
  assert.deepEqual(others, []);
  assert.deepEqual([face?.x, face?.y, face?.w, face?.h], [72, 35, 40, 30]);
  assert.deepEqual(face?.points[0], [80, 51]);
  assert.ok(Math.abs((face?.confidence ?? 0) - 0.8808) < 1e-4);
});

test("blazeFaces: the coarse grid has six anchors a spot, and one face comes once, the surest", () => {
  const [fine, coarse] = [empty(512), empty(384)];
  plant(coarse, (2 * 8 + 1) * 6, 1, [0, 0, 60, 60]); // at (48, 80)
  plant(coarse, (2 * 8 + 1) * 6 + 5, 3, [2, 0, 60, 60]);
  plant(coarse, (6 * 8 + 6) * 6 + 2, 0.5, [0, 0, 60, 60]); // another, at (208, 208)
  const found = blazeFaces([fine, coarse], 0.5);
  assert.deepEqual(
    found.map(({ x, y }) => [x, y]),
    [
      [20, 50],
      [178, 178],
    ],
  );
});

test("blazeFaces: what is less sure than asked for, and what is no number, is nothing", () => {
  const [fine, coarse] = [empty(512), empty(384)];
  plant(fine, 0, -0.1, [0, 0, 10, 10]);
  plant(fine, 7, Number.NaN, [0, 0, 10, 10]);
  assert.deepEqual(blazeFaces([fine, coarse], 0.5), []);
});
