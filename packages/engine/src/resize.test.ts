import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { resized } from "./resize.ts";

/** The same formula in Python, with NumPy, made what the digests below are of. */
function made(width: number, height: number) {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) rgb[at++] = (x * x * 7 + y * 13 + x * y * 3 + c * 91) % 256;
  return { width, height, rgb };
}

// Digests of `Image.fromarray(made).resize((width, height), Image.BILINEAR).tobytes()`, Pillow 13.0.0.
for (const [from, to, sha256] of [
  [[37, 23], [16, 16], "db78d0ce6dacadf3344607991d8f81cdb5832241d7652d6df4fc598e7ce35dfe"],
  [[5, 4], [16, 12], "716b8e9ed329d4a49876d41f47e9fa91310494db337bfb8def3ee923b074a9ba"],
  [[16, 16], [16, 16], "2ea5c708af02128f167a730fab45978a67990ae9a9c56f3d775b2beb484dc6b8"],
  [[640, 360], [224, 224], "157286ec3ba384613f9ff46f0309465c22b05e56118b4fa69d6ac125ddc80464"],
  [[1, 1], [8, 8], "e8eaaf73e75683bba87fe530fe261c0337627efef2b0011401e0a4e8f8c83163"],
] as const) {
  test(`resized: ${from.join("x")} to ${to.join("x")} is Pillow's, bit for bit`, () => {
    const { width, height, rgb } = resized(made(from[0], from[1]), to[0], to[1]);
    assert.deepEqual([width, height], to);
    assert.equal(createHash("sha256").update(rgb).digest("hex"), sha256);
  });
}
