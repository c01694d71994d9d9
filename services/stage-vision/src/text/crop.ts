import type { Picture } from "@heimdex/engine";
import { type Quad, quadSize } from "./quad.ts";

/** A crop this much taller than wide is a line that runs downwards, and is turned (PaddleOCR's figure). */
const VERTICAL_RATIO = 1.5;

/** Cuts a text line out of the picture and makes it lie flat: bicubic, edge pixels repeated, as PaddleOCR's
 * `get_rotate_crop_image`. A line that runs downwards is turned 90 degrees counter-clockwise.
 * @param quad in pixels of the picture */
export function cropLine(picture: Picture, quad: Quad): Picture {
  const size = quadSize(quad);
  const width = Math.max(1, Math.floor(size.width));
  const height = Math.max(1, Math.floor(size.height));
  const [a, b, c, d] = quad;
  const rgb = new Uint8Array(width * height * 3);
  const xs = new Int32Array(4);
  const wx = new Float64Array(4);
  const wy = new Float64Array(4);
  for (let v = 0; v < height; v++) {
    const t = v / height;
    for (let u = 0; u < width; u++) {
      const s = u / width;
      const x = (1 - t) * ((1 - s) * a.x + s * b.x) + t * ((1 - s) * d.x + s * c.x);
      const y = (1 - t) * ((1 - s) * a.y + s * b.y) + t * ((1 - s) * d.y + s * c.y);
      const x0 = Math.floor(x);
      const y0 = Math.floor(y);
      cubicWeights(x - x0, wx);
      cubicWeights(y - y0, wy);
      for (let i = 0; i < 4; i++) xs[i] = clamp(x0 - 1 + i, picture.width);
      let [red, green, blue] = [0, 0, 0];
      for (let j = 0; j < 4; j++) {
        const row = clamp(y0 - 1 + j, picture.height) * picture.width;
        const rowWeight = wy[j] as number;
        if (rowWeight === 0) continue;
        for (let i = 0; i < 4; i++) {
          const weight = rowWeight * (wx[i] as number);
          if (weight === 0) continue;
          const from = (row + (xs[i] as number)) * 3;
          red += weight * (picture.rgb[from] as number);
          green += weight * (picture.rgb[from + 1] as number);
          blue += weight * (picture.rgb[from + 2] as number);
        }
      }
      const to = (v * width + u) * 3;
      rgb[to] = toByte(red);
      rgb[to + 1] = toByte(green);
      rgb[to + 2] = toByte(blue);
    }
  }
  const crop = { width, height, rgb };
  return height >= width * VERTICAL_RATIO ? quarterTurn(crop) : crop;
}

/** Weights of the four neighbours for a position `t` past the second (Keys' cubic convolution, a = -0.75 as in OpenCV). */
function cubicWeights(t: number, out: Float64Array): void {
  const a = -0.75;
  const near = (d: number) => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d: number) => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  out[0] = far(1 + t);
  out[1] = near(t);
  out[2] = near(1 - t);
  out[3] = 1 - (out[0] as number) - (out[1] as number) - (out[2] as number);
}

const clamp = (i: number, size: number): number => (i < 0 ? 0 : i >= size ? size - 1 : i);
const toByte = (v: number): number => (v <= 0 ? 0 : v >= 255 ? 255 : (v + 0.5) | 0);

/** 90 degrees counter-clockwise. */
export function quarterTurn({ width, height, rgb }: Picture): Picture {
  const turned = new Uint8Array(rgb.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const to = ((width - 1 - x) * height + y) * 3;
      const from = (y * width + x) * 3;
      for (let c = 0; c < 3; c++) turned[to + c] = rgb[from + c] as number;
    }
  }
  return { width: height, height: width, rgb: turned };
}

/** 180 degrees. */
export function halfTurn({ width, height, rgb }: Picture): Picture {
  const turned = new Uint8Array(rgb.length);
  for (let from = 0, to = rgb.length - 3; from < rgb.length; from += 3, to -= 3) {
    for (let c = 0; c < 3; c++) turned[to + c] = rgb[from + c] as number;
  }
  return { width, height, rgb: turned };
}
