import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Channel, capPerAsset, fuse } from "./fuse.ts";

const row = (id: string) => ({ id, asset: `asset of ${id}` });
const channel = (
  name: string,
  ids: readonly string[],
  scores: readonly number[] = ids.map((_, i) => 10 - i),
): Channel<ReturnType<typeof row>> => ({
  name,
  kind: "words",
  rows: ids.map((id, i) => ({ row: row(id), score: scores[i] ?? 0 })),
});
const ids = (fused: readonly { row: { id: string } }[]) => fused.map((hit) => hit.row.id);

test("what two channels place well beats what one places best", () => {
  const fused = fuse([channel("spoken", ["a", "b", "c"]), channel("text", ["d", "b", "e"])]);
  assert.equal(fused[0]?.row.id, "b");
  assert.ok(Math.abs((fused[0]?.score ?? 0) - 2 / 62) < 1e-12);
  assert.deepEqual(fused[0]?.placings, [
    { channel: "spoken", rank: 2, score: 9 },
    { channel: "text", rank: 2, score: 9 },
  ]);
});

test("weights decide between channels, 0 leaves one out", () => {
  const channels = [channel("spoken", ["a"]), channel("text", ["b"])];
  assert.deepEqual(ids(fuse(channels, { text: 2 })), ["b", "a"]);
  assert.deepEqual(ids(fuse(channels, { text: 0 })), ["a"]);
  assert.deepEqual(fuse([]), []);
});

test("equal scores share a rank, and the order does not depend on luck", () => {
  const fused = fuse([channel("spoken", ["c", "a", "b", "d"], [5, 5, 5, 1])]);
  assert.deepEqual(ids(fused), ["a", "b", "c", "d"]);
  assert.deepEqual(
    fused.map((hit) => hit.placings[0]?.rank),
    [1, 1, 1, 4],
  );
});

test("every row comes once, scores fall, and a better place never lowers a row", () => {
  const list = fc.uniqueArray(fc.constantFrom(..."abcdefghij"), { maxLength: 10 });
  fc.assert(
    fc.property(list, list, (one, two) => {
      const fused = fuse([channel("spoken", one), channel("text", two)]);
      assert.deepEqual(ids(fused).sort(), [...new Set([...one, ...two])].sort());
      for (let i = 1; i < fused.length; i++) assert.ok((fused[i - 1]?.score ?? 0) >= (fused[i]?.score ?? 0));
      const last = one.at(-1);
      if (last === undefined) return;
      const place = (lists: string[]) => ids(fuse([channel("spoken", lists), channel("text", two)])).indexOf(last);
      assert.ok(place([last, ...one.slice(0, -1)]) <= place(one));
    }),
  );
});

test("one asset takes no more than its share, the order stays", () => {
  const hits = ["x1", "x2", "y1", "x3", "z1"].map((id) => ({ row: { id, asset: id[0] ?? "" } }));
  assert.deepEqual(ids(capPerAsset(hits, 2)), ["x1", "x2", "y1", "z1"]);
});
