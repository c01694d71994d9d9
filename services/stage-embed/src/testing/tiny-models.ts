import { readFileSync } from "node:fs";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

const FOLDER = fileURLToPath(new URL("./tiny-models/", import.meta.url));

const vector = z.base64().transform((text) => {
  const bytes = Buffer.from(text, "base64");
  return Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(i * 4));
});
const vectors = z.record(z.string(), vector);

/** What the tiny models give, as onnxruntime, tokenizers and Pillow made it: tiny-models/make.py. */
export const REFERENCE = z
  .object({
    sentences: vectors,
    long: z.object({ text: z.string(), window: z.int(), vector }),
    pictures: vectors,
    captions: vectors,
  })
  .parse(JSON.parse(readFileSync(join(FOLDER, "reference.json"), "utf8")));

/** A copy of a tiny model that a test may spoil. */
export async function tinyModel(
  t: { after(remove: () => Promise<void>): void },
  name: "bert" | "siglip",
): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "heimdex-tiny-"));
  t.after(() => rm(dir, { recursive: true, force: true }));
  await cp(join(FOLDER, name), dir, { recursive: true });
  return dir;
}

/** The largest difference between two vectors' numbers. */
export function furthest(a: Float32Array | readonly number[] | undefined, b: Float32Array | undefined): number {
  if (a === undefined || b === undefined || a.length !== b.length) return Number.POSITIVE_INFINITY;
  return b.reduce((most, value, i) => Math.max(most, Math.abs(value - (a[i] as number))), 0);
}

/** A picture by the formula that make.py has too: 8-bit RGB. */
export function madePicture(width: number, height: number) {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) rgb[at++] = (x * x * 7 + y * 13 + x * y * 3 + c * 91) % 256;
  return { width, height, rgb };
}
