import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { HeimdexError } from "@heimdex/errors";
import sharp from "sharp";
import { queryPicture } from "./query-picture.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "heimdex-picture-"));
});
after(() => rm(folder, { recursive: true }));

const RED = { r: 200, g: 30, b: 20 };
const plain = (width: number, height: number, background: typeof RED | string = RED) =>
  sharp({ create: { width, height, channels: 3, background }, limitInputPixels: false });

/** Writes a file, and reads what would be sent of it. */
async function sent(name: string, bytes: Buffer) {
  const file = join(folder, name);
  await writeFile(file, bytes);
  const jpeg = await queryPicture(file);
  assert.ok(jpeg.length < 180 * 1024, `${jpeg.length} bytes`);
  const { data, info } = await sharp(jpeg).raw().toBuffer({ resolveWithObject: true });
  const { format, space } = await sharp(jpeg).metadata();
  assert.deepEqual([format, space, info.channels], ["jpeg", "srgb", 3]);
  return { width: info.width, height: info.height, first: [data[0], data[1], data[2]].map(Number) };
}
const isNear = (got: readonly number[], want: readonly number[]) =>
  assert.ok(
    got.every((value, i) => Math.abs(value - (want[i] ?? 0)) < 24),
    `${got} is not about ${want}`,
  );

test("large pictures shrink to 512 pixels, small ones stay as they are", async () => {
  const wide = await sent("wide.jpg", await plain(3000, 1000).jpeg().toBuffer());
  assert.deepEqual([wide.width, wide.height], [512, 171]);
  isNear(wide.first, [200, 30, 20]);
  const dot = await sent("dot.png", await plain(1, 1).png().toBuffer());
  assert.deepEqual([dot.width, dot.height], [1, 1]);
  isNear(dot.first, [200, 30, 20]);
});

test("20,000 x 20,000 pixels are taken, without the memory that they would fill", async () => {
  const bytes = await plain(20_000, 20_000).png({ compressionLevel: 1 }).toBuffer();
  const before = process.resourceUsage().maxRSS;
  const { width, height } = await sent("huge.png", bytes);
  assert.deepEqual([width, height], [512, 512]);
  const grownMb = (process.resourceUsage().maxRSS - before) / 1024;
  assert.ok(grownMb < 600, `${grownMb} MiB more; decoded whole it is 1,144 MiB`);
});

test("CMYK, transparent and turned pictures look as they do elsewhere", async () => {
  const cmyk = await plain(64, 64).toColourspace("cmyk").jpeg().toBuffer();
  assert.equal((await sharp(cmyk).metadata()).space, "cmyk");
  isNear((await sent("cmyk.jpg", cmyk)).first, [200, 30, 20]);
  const clear = await sharp({ create: { width: 8, height: 8, channels: 4, background: { ...RED, alpha: 0 } } })
    .webp()
    .toBuffer();
  isNear((await sent("clear.webp", clear)).first, [255, 255, 255]);
  const turned = await sent("turned.jpg", await plain(40, 20).withMetadata({ orientation: 6 }).jpeg().toBuffer());
  assert.deepEqual([turned.width, turned.height], [20, 40]);
  const grey = await plain(16, 16, "#808080").toColourspace("b-w").png().toBuffer();
  isNear((await sent("grey.png", grey)).first, [128, 128, 128]);
});

test("of an animation the first picture counts", async () => {
  const frames = [plain(20, 20), plain(20, 20, "blue")].map((frame) => frame.png().toBuffer());
  for (const name of ["moving.gif", "moving.webp"]) {
    const bytes = await sharp(await Promise.all(frames), { join: { animated: true } })
      .toFormat(name.endsWith("gif") ? "gif" : "webp")
      .toBuffer();
    assert.equal((await sharp(bytes).metadata()).pages, 2);
    const { width, height, first } = await sent(name, bytes);
    assert.deepEqual([width, height], [20, 20]);
    isNear(first, [200, 30, 20]);
  }
});

test("what cannot be read is refused by name, and the name of the file is said", async () => {
  const noise = sharp({
    create: {
      width: 600,
      height: 600,
      channels: 3,
      background: "black",
      noise: { type: "gaussian", mean: 90, sigma: 40 },
    },
  });
  for (const format of ["jpeg", "png", "webp"] as const) {
    const file = join(folder, `cut.${format}`);
    await writeFile(file, await noise.clone().toFormat(format).toBuffer());
    await truncate(file, Math.floor((await readFile(file)).length / 2));
  }
  await writeFile(join(folder, "empty.jpg"), "");
  await writeFile(join(folder, "text.png"), "This is not a picture.");
  await mkdir(join(folder, "folder.png"));
  for (const [name, id] of [
    ["cut.jpeg", "IMAGE_UNREADABLE"],
    ["cut.png", "IMAGE_UNREADABLE"],
    ["cut.webp", "IMAGE_UNREADABLE"],
    ["empty.jpg", "IMAGE_UNREADABLE"],
    ["text.png", "IMAGE_UNREADABLE"],
    ["folder.png", "SOURCE_UNSUPPORTED"],
    ["missing.png", "SOURCE_NOT_FOUND"],
  ] as const)
    await assert.rejects(queryPicture(join(folder, name)), (error) => {
      assert.ok(error instanceof HeimdexError);
      assert.equal(error.id, id, name);
      assert.ok(error.message.includes(join(folder, name)), error.message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
});
