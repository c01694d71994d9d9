import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { leader } from "./leader.ts";
import { HEIGHT, isTone, lookOf, slates, stretches, WIDTH } from "./looks.ts";

const picture = (colour: (x: number) => [number, number, number]) =>
  Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => colour(Math.floor(i / 3) % WIDTH)[i % 3] ?? 0);
const BARS: [number, number, number][] = [
  [180, 180, 180],
  [180, 180, 16],
  [16, 180, 180],
  [16, 180, 16],
  [180, 16, 180],
  [180, 16, 16],
  [16, 16, 180],
];
const bars = picture((x) => BARS[Math.floor(x / 10)] ?? [0, 0, 0]);

test("colour bars are told from other pictures, and from bars in another order", () => {
  assert.equal(lookOf(bars), "bars");
  assert.equal(lookOf(picture((x) => BARS[6 - Math.floor(x / 10)] ?? [0, 0, 0])), undefined);
  assert.equal(lookOf(picture(() => [90, 120, 60])), undefined);
  assert.equal(lookOf(picture(() => [12, 14, 11])), "black");
});

const sound = (hz: number, level: number) =>
  Int16Array.from({ length: 4000 }, (_, n) => level * Math.sin((2 * Math.PI * hz * n) / 8000));

test("a tone is 1 kHz and nothing else", () => {
  assert.equal(isTone(sound(1000, 8000), 8000), true);
  assert.equal(isTone(sound(440, 8000), 8000), false);
  assert.equal(isTone(sound(1000, 20), 8000), false);
  const mixed = sound(1000, 8000).map((value, n) => value + (sound(700, 8000)[n] ?? 0));
  assert.equal(isTone(mixed, 8000), false);
});

test("equal marks join; short ones are left out", () => {
  const marks = ["black", "black", "bars", undefined, "black"] as const;
  assert.deepEqual(stretches(marks, 500, 1000), [{ mark: "black", start_ms: 0, end_ms: 1000 }]);
});

test("a slate is read by three of its words at once", () => {
  const at = (text: string, start_ms = 2000) => ({ text, start_ms, end_ms: start_ms + 3000 });
  assert.deepEqual(slates([at("SCENE 12"), at("TAKE 3"), at("ROLL A")]), [
    { mark: "slate", start_ms: 2000, end_ms: 5000 },
  ]);
  assert.deepEqual(slates([at("Take me home"), at("scene of the crime")]), []);
});

test("a made film: bars with tone, black, then pictures", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "leader-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "film.mp4");
  const graph =
    "smptebars=s=640x360:r=25:d=3[a];color=black:s=640x360:r=25:d=2[b];testsrc2=s=640x360:r=25:d=3[c];" +
    "[a][b][c]concat=n=3,format=yuv420p[v];sine=1000:d=3,apad=whole_dur=8[s]";
  const args = `-v error -filter_complex ${graph} -map [v] -map [s] -c:v libx264 -preset ultrafast -c:a aac`.split(" ");
  await promisify(execFile)("ffmpeg", [...args, file]);
  const json = (value: unknown) => ({ json: async () => value });
  const context = {
    inputs: {
      source: { location: file },
      media: json({ duration_ms: 8000, streams: [{ type: "video" }, { type: "audio" }] }),
    },
    config: { least_ms: 1000 },
    asset: "a_1",
    signal: t.signal,
    progress: () => undefined,
  };
  const made = await leader.run(context as unknown as Parameters<typeof leader.run>[0]);
  const { items } = made.leader;
  assert.deepEqual(
    items.map(({ mark, start_ms, end_ms }) => [mark, start_ms, end_ms]),
    [
      ["bars", 0, 3000],
      ["tone", 0, 3000],
      ["black", 3000, 5000],
    ],
  );
  assert.equal(new Set(items.map(({ id }) => id)).size, 3);
});
