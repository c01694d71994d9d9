import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "@heimdex/engine";
import type { KeyframeItem } from "@heimdex/sidecar";
import { artifact } from "../testing/run-stage.ts";
import { readKeyframes } from "./read-keyframes.ts";
import type { Sighting } from "./sighting.ts";

const keyframe = (n: number, image = n): KeyframeItem => ({
  id: `kf_${n}`,
  start_ms: n * 1000,
  end_ms: (n + 1) * 1000,
  start_pts: n * 90_000,
  image: { sha256: String(image).padStart(64, "0"), size: 1, media_type: "image/jpeg" },
  width: 1280,
  height: 720,
});
const sighting: Sighting = { text: "EXIT 14", confidence: 0.98765, box: { x: 0.1, y: 0.1, w: 0.2, h: 0.05 } };

/** Runs it; `read` answers by keyframe. */
async function run(
  keyframes: KeyframeItem[],
  read: (k: KeyframeItem) => readonly Sighting[],
  stop = new AbortController(),
) {
  const asked: string[] = [];
  const progress: string[] = [];
  const byPicture = new Map(keyframes.toReversed().map((k) => [k.image.sha256, k]));
  const result = await readKeyframes({
    asset: "asset",
    keyframes,
    images: keyframes.map(({ image }) => ({
      ...artifact<undefined>(Buffer.of(), "image/jpeg"),
      sha256: image.sha256,
      path: image.sha256,
    })),
    signal: stop.signal,
    onProgress: (done, total) => progress.push(`${done}/${total}`),
    async look(picture) {
      const k = byPicture.get(picture as string) as KeyframeItem;
      asked.push(k.id);
      return read(k);
    },
  });
  return { ...result, asked, progress };
}

test("readKeyframes: reads in order of time, says how far it is, and puts one item per text", async () => {
  const { items, asked, progress } = await run([keyframe(1), keyframe(0)], () => [sighting]);
  assert.deepEqual(asked, ["kf_0", "kf_1"]);
  assert.deepEqual(progress, ["0/2", "1/2", "2/2"]);
  const [item, ...others] = items;
  assert.equal(others.length, 0);
  assert.deepEqual(
    { ...item, id: "" },
    {
      id: "",
      start_ms: 0,
      end_ms: 2000,
      confidence: 0.988,
      text: "EXIT 14",
      box: sighting.box,
      frames: ["kf_0", "kf_1"],
    },
  );
});

test("readKeyframes: ids are the same in each run, and differ between twins", async () => {
  const twins = [sighting, { ...sighting, box: { ...sighting.box, y: 0.7 } }];
  const [first, second] = [await run([keyframe(0)], () => twins), await run([keyframe(0)], () => twins)];
  assert.deepEqual(first.items, second.items);
  assert.equal(new Set(first.items.map(({ id }) => id)).size, 2);
});

test("readKeyframes: a picture that two keyframes share is read once", async () => {
  const { items, asked } = await run([keyframe(0, 7), keyframe(1, 7)], () => [sighting]);
  assert.deepEqual(asked, ["kf_0"]);
  assert.deepEqual(items[0]?.frames, ["kf_0", "kf_1"]);
});

test("readKeyframes: an unreadable picture is named, and the others are read", async () => {
  const partial: string[] = [];
  const { items, unreadable } = await run([keyframe(0), keyframe(1)], ({ id }) => {
    if (id === "kf_0") throw new EngineError("PICTURE_UNREADABLE", "cut off");
    return [sighting];
  });
  unreadable.report(2, (reason) => partial.push(reason));
  assert.deepEqual(partial, ["1 of 2 keyframes cannot be read, first kf_0: cut off"]);
  assert.deepEqual(
    items.map(({ frames }) => frames),
    [["kf_1"]],
  );
});

test("readKeyframes: any other failure ends it", async () => {
  const bug = new EngineError("ENGINE_FAILED", "a bug");
  await assert.rejects(
    run([keyframe(0)], () => {
      throw bug;
    }),
    bug,
  );
});

test("readKeyframes: stops between pictures when aborted", async () => {
  const stop = new AbortController();
  const asked: string[] = [];
  const running = run(
    [keyframe(0), keyframe(1)],
    ({ id }) => {
      asked.push(id);
      stop.abort(new Error("enough"));
      return [];
    },
    stop,
  );
  await assert.rejects(running, /enough/);
  assert.deepEqual(asked, ["kf_0"]);
});

test("readKeyframes: no text and no keyframes give no items", async () => {
  assert.deepEqual((await run([keyframe(0)], () => [])).items, []);
  assert.deepEqual((await run([], () => [])).items, []);
});
