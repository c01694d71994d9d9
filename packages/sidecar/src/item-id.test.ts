import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { itemId } from "./item-id.ts";

const parts = fc.record({
  asset: fc.string(),
  kind: fc.string(),
  start: fc.integer({ min: -1_000_000, max: 4_294_967_295 }),
  tie: fc.string(),
});

test("itemId: the same item has the same id in every run and on every machine", () => {
  assert.equal(itemId("shot", "a_4f0c6b1d9e3a7725", "shots", 1_123_200), "shot_988edc38880104f2");
  assert.equal(itemId("face", "a_4f0c6b1d9e3a7725", "faces", 0, "0.41,0.18"), "face_fa4ff7d8e71fc98c");
});

test("itemId: another asset, kind, start or tie is another id, wherever the parts are cut", () => {
  fc.assert(
    fc.property(parts, parts, (a, b) => {
      const same = a.asset === b.asset && a.kind === b.kind && a.start === b.start && a.tie === b.tie;
      const ids = [a, b].map(({ asset, kind, start, tie }) => itemId("x", asset, kind, start, tie));
      assert.equal(ids[0] === ids[1], same);
    }),
  );
  assert.notEqual(itemId("x", "ab", "c", 1), itemId("x", "a", "bc", 1));
  assert.notEqual(itemId("x", "a", "b", 1, "1"), itemId("x", "a", "b", 11, ""));
});

test("itemId: fits an item's id, and says of what it is", () => {
  fc.assert(
    fc.property(parts, ({ asset, kind, start, tie }) => {
      assert.match(itemId("scene", asset, kind, start, tie), /^scene_[0-9a-f]{16}$/);
    }),
  );
});
