import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { containment, distinct, overlap } from "./overlap.ts";

const side = fc.integer({ min: 1, max: 50 });
const rect = fc.record({ x: fc.integer({ min: 0, max: 60 }), y: fc.integer({ min: 0, max: 60 }), w: side, h: side });
const scored = fc.array(fc.record({ ...{ rect }, confidence: fc.double({ min: 0, max: 1, noNaN: true }) }), {
  maxLength: 30,
});

test("overlap: of a half-shifted square is a third; containment says how much of the smaller lies within", () => {
  const square = { x: 0, y: 0, w: 10, h: 10 };
  assert.equal(overlap(square, { x: 5, y: 0, w: 10, h: 10 }), 1 / 3);
  assert.equal(containment(square, { x: 2, y: 2, w: 4, h: 4 }), 1);
  assert.equal(overlap(square, { x: 10, y: 0, w: 5, h: 5 }), 0);
  assert.equal(overlap({ ...square, w: 0 }, { ...square, w: 0 }), 0);
});

test("overlap: symmetric, 1 with itself, never above containment", () => {
  fc.assert(
    fc.property(rect, rect, (a, b) => {
      assert.equal(overlap(a, a), 1);
      assert.equal(overlap(a, b), overlap(b, a));
      assert.ok(overlap(a, b) <= containment(a, b) + 1e-12 && containment(a, b) <= 1);
    }),
  );
});

test("distinct: nothing kept is the same thing twice, all left out is one that was kept and surer", () => {
  fc.assert(
    fc.property(scored, (all) => {
      const same = (a: (typeof all)[number], b: (typeof all)[number]) => overlap(a.rect, b.rect) > 0.3;
      const kept = distinct(all, same);
      for (const [i, a] of kept.entries()) for (const b of kept.slice(0, i)) assert.ok(!same(a, b));
      for (const each of all) {
        assert.ok(kept.includes(each) || kept.some((a) => same(a, each) && a.confidence >= each.confidence));
      }
    }),
  );
});
