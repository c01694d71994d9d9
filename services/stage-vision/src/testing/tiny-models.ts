import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import type { Picture } from "@heimdex/engine";

/** Models of random weights that `tiny-models/make.py` made. */
export const tinyModel = (name: "yunet" | "sface" | "d-fine") =>
  fileURLToPath(new URL(`./tiny-models/${name}.onnx`, import.meta.url));

/** What the reference implementations make of them. */
export interface Reference {
  /** x, y, w, h, five points, score: as OpenCV gives them. */
  readonly yunet: { readonly min_confidence: number; readonly faces: readonly (readonly number[])[] };
  readonly sface: { readonly marks: readonly (readonly [number, number])[]; readonly vector: readonly number[] };
  /** Class, score, centre x, y, width, height. */
  readonly d_fine: { readonly min_confidence: number; readonly objects: readonly (readonly number[])[] };
}
export async function reference(): Promise<Reference> {
  return JSON.parse(await readFile(new URL("./tiny-models/reference.json", import.meta.url), "utf8")) as Reference;
}

/** The pattern the references were made from. */
export function pattern(width: number, height: number): Picture {
  const rgb = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++)
        rgb[(y * width + x) * 3 + c] = Math.floor((x * x + 3 * y * (c + 1) + x * y) / (97 + 31 * c)) % 256;
    }
  }
  return { width, height, rgb };
}
