import type { Picture } from "@heimdex/engine";
import type { Pixel } from "../picture/parts.ts";
import type { FaceMarks } from "./face-engine.ts";

/** Where the five marks lie on a face of 112 x 112 pixels (ArcFace's template, Deng et al. 2019; OpenCV's FaceRecognizerSF uses it as well). */
const TEMPLATE: FaceMarks = [
  [38.2946, 51.6963],
  [73.5318, 51.5014],
  [56.0252, 71.7366],
  [41.5493, 92.3655],
  [70.7299, 92.2041],
];
const TEMPLATE_SIDE = 112;

/** Turns, scales and moves: (x, y) -> (a x - b y + tx, b x + a y + ty). */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly tx: number;
  readonly ty: number;
}

/** The similarity that brings points nearest to others in least squares (Umeyama 1991, in two dimensions and without reflection). */
export function similarityBetween(from: readonly Pixel[], to: readonly Pixel[]): Similarity {
  const middle = (points: readonly Pixel[]) =>
    points.reduce(([sx, sy], [x, y]) => [sx + x / points.length, sy + y / points.length], [0, 0]) as unknown as Pixel;
  const [fx, fy] = middle(from);
  const [ux, uy] = middle(to);
  let [dot, cross, square] = [0, 0, 0];
  for (const [i, [x, y]] of from.entries()) {
    const [u, v] = to[i] as Pixel;
    dot += (x - fx) * (u - ux) + (y - fy) * (v - uy);
    cross += (x - fx) * (v - uy) - (y - fy) * (u - ux);
    square += (x - fx) ** 2 + (y - fy) ** 2;
  }
  const [a, b] = square > 0 ? [dot / square, cross / square] : [1, 0];
  return { a, b, tx: ux - a * fx + b * fy, ty: uy - b * fx - a * fy };
}

/** A face turned upright, its marks where recognition models expect them.
 * @param side of the result in pixels
 * @param margin 1: the template's own frame; 1.2 shows a fifth more of the head around it */
export function alignedFace(picture: Picture, marks: FaceMarks, side: number, margin = 1): Float32Array {
  const scale = side / TEMPLATE_SIDE / margin;
  const centre = TEMPLATE_SIDE / 2;
  const [cx, cy] = margin === 1 ? [centre, centre] : [centre, centre + LOWERED];
  const wanted = TEMPLATE.map(([x, y]): Pixel => [(x - cx) * scale + side / 2, (y - cy) * scale + side / 2]);
  return sampled(picture, similarityBetween(wanted, marks), side);
}

/** With a margin the frame sits lower, so that it holds the chin: pixels of the template. */
const LOWERED = 4;

/** Steepest shrinking that is sampled fully: each pixel of the result is a mean of up to 4 x 4 points. */
const MAX_SAMPLES = 4;

/** A square of the picture, bilinear, black outside of it.
 * @param from pixels of the square to pixels of the picture
 * @returns `side * side * 3` values 0..255, R G B, row by row */
export function sampled(picture: Picture, from: Similarity, side: number): Float32Array {
  const { width, height, rgb } = picture;
  const out = new Float32Array(side * side * 3);
  const samples = Math.max(1, Math.min(MAX_SAMPLES, Math.round(Math.hypot(from.a, from.b))));
  const share = 1 / (samples * samples);
  for (let v = 0; v < side; v++) {
    for (let u = 0; u < side; u++) {
      const at = (v * side + u) * 3;
      for (let k = 0; k < samples * samples; k++) {
        const s = u + ((k % samples) + 0.5) / samples - 0.5;
        const t = v + (Math.floor(k / samples) + 0.5) / samples - 0.5;
        const x = from.a * s - from.b * t + from.tx;
        const y = from.b * s + from.a * t + from.ty;
        const [left, top] = [Math.floor(x), Math.floor(y)];
        for (let corner = 0; corner < 4; corner++) {
          const px = left + (corner & 1);
          const py = top + (corner >> 1);
          if (px < 0 || py < 0 || px >= width || py >= height) continue;
          const weight = share * (1 - Math.abs(x - px)) * (1 - Math.abs(y - py));
          const pixel = (py * width + px) * 3;
          for (let c = 0; c < 3; c++) out[at + c] = (out[at + c] as number) + weight * (rgb[pixel + c] as number);
        }
      }
    }
  }
  return out;
}

/** Length 1; a vector of zeros stays what it is. */
export function normalised(vector: Float32Array): Float32Array {
  const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
  return length > 0 ? vector.map((value) => value / length) : vector;
}
