import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeyframeItem, ShotItem } from "@heimdex/sidecar";
import { colourHistogram, groupScenes, type Histogram, intersection } from "./scenes.ts";

/** A picture of one colour with some noise of its own. */
function colour(r: number, g: number, b: number): Histogram {
  return colourHistogram(Uint8Array.from({ length: 3 * 500 }, (_, n) => [r, g, b][n % 3] as number));
}
const RED = colour(200, 30, 30);
const BLUE = colour(30, 30, 200);
const GREEN = colour(30, 200, 30);

/** A shot of 4 s for each look; `undefined` is one without a picture. */
function film(...looks: (Histogram | undefined)[]) {
  const shots: ShotItem[] = looks.map(
    (_, n): ShotItem => ({
      id: `shot_${n}`,
      start_ms: n * 4000,
      end_ms: (n + 1) * 4000,
      start_pts: n * 100,
    }),
  );
  const keyframes = looks.flatMap((look, n): KeyframeItem[] =>
    look === undefined
      ? []
      : [
          {
            id: `kf_${n}`,
            start_ms: n * 4000,
            end_ms: (n + 1) * 4000,
            shot: `shot_${n}`,
            width: 16,
            height: 9,
            image: { sha256: "0".repeat(64), size: 1, media_type: "image/jpeg" },
          },
        ],
  );
  const pictures = new Map(looks.flatMap((look, n) => (look === undefined ? [] : [[`kf_${n}`, look] as const])));
  return groupScenes("asset", shots, keyframes, pictures).map(({ shots: members }) =>
    members.map((id) => Number(id.slice(5))),
  );
}

test("neighbours that look alike are one scene", () => {
  assert.deepEqual(film(RED, RED, BLUE, BLUE, BLUE), [
    [0, 1],
    [2, 3, 4],
  ]);
});
test("a talk in turns is one scene", () => {
  assert.deepEqual(film(RED, BLUE, RED, BLUE, RED, GREEN), [[0, 1, 2, 3, 4], [5]]);
});
test("what looks the same minutes later is another scene", () => {
  const others = Array.from({ length: 8 }, () => BLUE);
  assert.deepEqual(film(RED, ...others, RED), [[0], [1, 2, 3, 4, 5, 6, 7, 8], [9]]);
});
test("a blank shot goes with the one before it", () => {
  assert.deepEqual(film(RED, undefined, BLUE), [[0, 1], [2]]);
  assert.deepEqual(film(undefined, BLUE), [[0], [1]]);
});
test("no shots, no scenes", () => assert.deepEqual(film(), []));
test("scenes tile the shots", () => {
  const looks = Array.from({ length: 40 }, (_, n) => [RED, BLUE, GREEN][(n * 7 + (n >> 2)) % 3]);
  assert.deepEqual(
    film(...looks).flat(),
    looks.map((_, n) => n),
  );
});
test("a histogram sums to 1 and is like itself", () => {
  const noise = colourHistogram(Uint8Array.from({ length: 3000 }, (_, n) => (n * n * 17) % 256));
  assert.ok(Math.abs(noise.reduce((a, b) => a + b, 0) - 1) < 1e-4);
  assert.ok(Math.abs(intersection(noise, noise) - 1) < 1e-4);
  assert.equal(intersection(RED, BLUE), 0);
});
