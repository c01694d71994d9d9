import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { normalised } from "./align.ts";
import { groupFaces } from "./group-faces.ts";

/** Vectors of length 1 at angles of a circle, each on a keyframe of its own unless said. */
function group(degrees: readonly number[], sameFace: number, frames = degrees.map((_, i) => [i])) {
  const vectors = new Float32Array(
    degrees.flatMap((angle) => [Math.cos(angle / 57.29578), Math.sin(angle / 57.29578)]),
  );
  return groupFaces({ vectors, dimension: 2, frames, sameFace });
}

test("groupFaces: near ones are one person, numbered by first sight", () => {
  assert.deepEqual(group([80, 0, 85, 5, 180], 0.9), [0, 1, 0, 1, 2]);
  assert.deepEqual(group([], 0.9), []);
  assert.deepEqual(group([42], 0.9), [0]);
});

test("groupFaces: what is near only by a chain of others stays apart", () => {
  // Each step of 20 degrees is near (0.94); the ends, 80 degrees apart, are not.
  assert.ok(new Set(group([0, 20, 40, 60, 80], 0.9)).size > 1);
});

test("groupFaces: two faces on one keyframe are two people, and so are those that belong to them", () => {
  assert.deepEqual(group([0, 1], 0.9, [[3], [3]]), [0, 1]);
  const [a, b, c] = group([0, 1, 0.4], 0.9, [[3, 4], [4, 5], [6]]);
  assert.notEqual(a, b);
  assert.ok(c === a || c === b);
});

/** What is meant: join the two groups with the highest mean cosine until none reaches the limit. */
function slowly(vectors: readonly Float32Array[], sameFace: number): number[][] {
  const groups = vectors.map((_, i) => [i]);
  const cosine = (i: number, j: number) =>
    (vectors[i] as Float32Array).reduce(
      (sum, value, k) => sum + value * ((vectors[j] as Float32Array)[k] as number),
      0,
    );
  for (;;) {
    let best = { mean: Number.NEGATIVE_INFINITY, a: -1, b: -1 };
    for (let a = 0; a < groups.length; a++) {
      for (let b = a + 1; b < groups.length; b++) {
        const pairs = (groups[a] as number[]).flatMap((i) => (groups[b] as number[]).map((j) => cosine(i, j)));
        const mean = pairs.reduce((sum, value) => sum + value, 0) / pairs.length;
        if (mean > best.mean) best = { mean, a, b };
      }
    }
    if (best.mean < sameFace) return groups.map((each) => each.sort((x, y) => x - y));
    (groups[best.a] as number[]).push(...(groups.splice(best.b, 1)[0] as number[]));
  }
}

/** Vectors without ties: with them, both ways are right and may differ. */
function scattered(seed: number, count: number): Float32Array[] {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state / 2 ** 31;
  };
  return Array.from({ length: count }, () => normalised(Float32Array.from({ length: 3 }, next)));
}

test("groupFaces: the quick way finds the groups of the plain one, in whatever order the faces come", () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.integer({ min: 1, max: 14 }),
      fc.integer({ min: 10, max: 95 }),
      (seed, count, percent) => {
        const vectors = scattered(seed, count);
        const found = (order: readonly Float32Array[]) =>
          groupFaces({
            vectors: new Float32Array(order.flatMap((each) => [...each])),
            dimension: 3,
            frames: order.map((_, i) => [i]),
            sameFace: percent / 100,
          });
        const groups = found(vectors);
        const sets = Map.groupBy(groups.keys(), (face) => groups[face] as number);
        const names = (all: Iterable<readonly number[]>) => [...all].map((each) => each.join()).sort();
        assert.deepEqual(names(sets.values()), names(slowly(vectors, percent / 100)));
        const turned = found([...vectors].reverse()).reverse();
        for (const [i, a] of groups.entries()) {
          for (const [j, b] of groups.entries()) assert.equal(a === b, turned[i] === turned[j]);
        }
      },
    ),
  );
});
