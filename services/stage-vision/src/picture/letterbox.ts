import { type Picture, resized } from "@heimdex/engine";
import type { Rect } from "./overlap.ts";

/** A picture within a square, and the way back. */
export interface Letterboxed {
  /** `side * side * 3` values 0..255, R G B, row by row; black around the picture. */
  readonly rgb: Uint8Array;
  /** A rectangle of the square, in pixels of the picture. */
  back(rect: Rect): Rect;
}

/** Scales a picture, in proportion, into the middle of a black square.
 * @param side in pixels */
export function letterboxed(picture: Picture, side: number): Letterboxed {
  const scale = side / Math.max(picture.width, picture.height);
  const width = Math.max(1, Math.round(picture.width * scale));
  const height = Math.max(1, Math.round(picture.height * scale));
  const [left, top] = [Math.floor((side - width) / 2), Math.floor((side - height) / 2)];
  const small = resized(picture, width, height);
  const rgb = new Uint8Array(side * side * 3);
  for (let y = 0; y < height; y++) {
    rgb.set(small.rgb.subarray(y * width * 3, (y + 1) * width * 3), ((y + top) * side + left) * 3);
  }
  const [sx, sy] = [picture.width / width, picture.height / height];
  return {
    rgb,
    back: ({ x, y, w, h }) => ({ x: (x - left) * sx, y: (y - top) * sy, w: w * sx, h: h * sy }),
  };
}

/** A part of a picture. @param rect whole pixels within it */
export function cropped(picture: Picture, { x, y, w, h }: Rect): Picture {
  const rgb = new Uint8Array(w * h * 3);
  for (let row = 0; row < h; row++) {
    const from = ((y + row) * picture.width + x) * 3;
    rgb.set(picture.rgb.subarray(from, from + w * 3), row * w * 3);
  }
  return { width: w, height: h, rgb };
}
