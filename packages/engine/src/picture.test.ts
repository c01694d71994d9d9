import assert from "node:assert/strict";
import { test } from "node:test";
import { EngineError } from "@heimdex/stage-sdk/engine";
import sharp from "sharp";
import { MAX_DECODED_SIDE, readPicture } from "./picture.ts";

const red = { create: { width: 40, height: 20, channels: 3, background: "#ff0000" } } as const;
const noise = (width: number, height: number) =>
  sharp({
    create: { width, height, channels: 3, background: "#203040", noise: { type: "gaussian", mean: 128, sigma: 30 } },
  });
const unreadable = (error: unknown) => error instanceof EngineError && error.code === "PICTURE_UNREADABLE";

for (const [name, bytes, want] of [
  ["a JPEG", sharp(red).jpeg(), [254, 0, 0]],
  ["a CMYK JPEG", sharp(red).toColourspace("cmyk").jpeg(), undefined],
  [
    "a grey JPEG",
    sharp({ create: { ...red.create, background: "#808080" } })
      .greyscale()
      .jpeg(),
    [128, 128, 128],
  ],
  ["a PNG of 16 bits", sharp(red).toColourspace("rgb16").png(), [255, 0, 0]],
  [
    "transparent pixels, on white",
    sharp({ create: { width: 40, height: 20, channels: 4, background: "#00000000" } }).png(),
    [255, 255, 255],
  ],
] as const) {
  test(`readPicture: ${name} becomes 8-bit RGB`, async () => {
    const { width, height, rgb } = await readPicture(await bytes.toBuffer());
    assert.deepEqual([width, height, rgb.length], [40, 20, 40 * 20 * 3]);
    if (want !== undefined) assert.deepEqual([...rgb.subarray(0, 3)], want);
  });
}

test("readPicture: a single pixel is a picture", async () => {
  const { width, height } = await readPicture(await sharp(red).resize(1, 1).jpeg().toBuffer());
  assert.deepEqual([width, height], [1, 1]);
});

test("readPicture: a large picture is shrunk to the bound, in proportion", async () => {
  const { width, height } = await readPicture(await noise(4000, 3000).jpeg().toBuffer());
  assert.deepEqual([width, height], [MAX_DECODED_SIDE, (MAX_DECODED_SIDE * 3) / 4]);
});

test("readPicture: is turned upright as its EXIF data says", async () => {
  const { width, height } = await readPicture(await sharp(red).withMetadata({ orientation: 6 }).jpeg().toBuffer());
  assert.deepEqual([width, height], [20, 40]);
});

test("readPicture: bytes that are no picture, cut off, empty or a bomb are refused", async () => {
  const whole = await noise(1280, 720).jpeg().toBuffer();
  const bomb = `<svg xmlns="http://www.w3.org/2000/svg" width="30000" height="30000"></svg>`;
  for (const bytes of [
    whole.subarray(0, whole.length / 2),
    Buffer.from("no picture"),
    Buffer.alloc(0),
    Buffer.from(bomb),
  ]) {
    await assert.rejects(readPicture(bytes), unreadable);
  }
  await assert.rejects(readPicture("/nonexistent/picture.jpg"), unreadable);
});
