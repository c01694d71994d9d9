import { type Picture, resized } from "@heimdex/engine";

const SIDE = 16;

/** 16 x 16 pixels of 8-bit RGB: enough to tell places apart, and blind to noise and small movements. */
export type Thumbnail = Uint8Array;

/** A picture squeezed into a thumbnail, each pixel an average. */
export function thumbnailOf(picture: Picture): Thumbnail {
  return resized(picture, SIDE, SIDE).rgb;
}

/** Mean absolute difference of two thumbnails, 0..255. */
export function thumbnailDifference(a: Thumbnail, b: Thumbnail): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs((a[i] as number) - (b[i] as number));
  return sum / a.length;
}
