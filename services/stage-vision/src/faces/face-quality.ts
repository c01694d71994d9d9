import type { Picture } from "@heimdex/engine";
import { alignedFace } from "./align.ts";
import type { FaceMarks, FoundFace } from "./face-engine.ts";

const SIDE = 112;
/** Distance of the eyes, in pixels, from which a face has all the detail a recognition model takes in (35 of its 112, some more for what the
 * camera's own sharpening and compression cost). */
const FULL_EYE_DISTANCE = 48;
/** Variance of the Laplacian of a face of 112 pixels that counts half. Sharp faces in films have some 300, moving ones 20. */
const HALF_SHARPNESS = 60;

/** How fit a face is for recognition, 0..1: the geometric mean of four parts, so that one bad part is enough to spoil it.
 * - size: distance of the eyes, 1 from 48 pixels on;
 * - sharpness: v / (v + 60), with v the variance of the Laplacian of its luma at 112 x 112;
 * - frontality: 1 where the nose tip lies midway between the eyes, 0 where it reaches beyond one of them;
 * - the detector's confidence. */
export function faceQuality(picture: Picture, { marks, confidence }: FoundFace): number {
  const [left, right] = marks;
  const size = Math.min(1, Math.hypot(right[0] - left[0], right[1] - left[1]) / FULL_EYE_DISTANCE);
  const variance = laplacianVariance(alignedFace(picture, marks, SIDE), SIDE);
  const sharpness = variance / (variance + HALF_SHARPNESS);
  return Math.min(1, Math.max(0, size * sharpness * frontality(marks) * confidence)) ** 0.25;
}

/** 1 seen from the front, 0 in profile: how far from the middle of the eyes the nose tip lies, along the line of the eyes. */
export function frontality([left, right, nose]: FaceMarks): number {
  const [dx, dy] = [right[0] - left[0], right[1] - left[1]];
  const square = dx * dx + dy * dy;
  if (square === 0) return 0;
  const along = ((nose[0] - left[0]) * dx + (nose[1] - left[1]) * dy) / square;
  return Math.max(0, 1 - Math.abs(along - 0.5) * 2);
}

function laplacianVariance(rgb: Float32Array, side: number): number {
  const luma = new Float32Array(side * side);
  for (let i = 0; i < luma.length; i++) {
    const [r, g, b] = [rgb[i * 3], rgb[i * 3 + 1], rgb[i * 3 + 2]] as [number, number, number];
    luma[i] = 0.299 * r + 0.587 * g + 0.114 * b;
  }
  let [sum, squares, count] = [0, 0, 0];
  for (let y = 1; y < side - 1; y++) {
    for (let x = 1; x < side - 1; x++) {
      const i = y * side + x;
      const at = (offset: number) => luma[i + offset] as number;
      const value = at(-1) + at(1) + at(-side) + at(side) - 4 * at(0);
      sum += value;
      squares += value * value;
      count++;
    }
  }
  return squares / count - (sum / count) ** 2;
}
