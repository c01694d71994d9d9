import type { OnnxModel, Picture } from "@heimdex/engine";
import { dbBoxes } from "./db-boxes.ts";
import { distance, type Pixel, type Quad } from "./quad.ts";
import { type Normalisation, resizeIntoTensor } from "./resample.ts";

/** The network halves five times. */
const MULTIPLE = 32;

/** ImageNet's, in the order red, green, blue, yet laid on B, G, R: PaddleOCR trained and runs it so
 * (`DecodeImage: img_mode: BGR` before `NormalizeImage` in `ch_PP-OCRv4_det_student.yml`). */
const NORMALISATION: Normalisation = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** Boxes with a side of this many pixels of the picture or less hold no text (PaddleOCR's `filter_tag_det_res`). */
const MIN_SIDE = 3;

/** Size the detector sees: the longer side at most `limitSide`, both multiples of 32 (PaddleOCR `limit_type: max`). */
export function detectionSize(width: number, height: number, limitSide: number): { width: number; height: number } {
  const ratio = Math.min(1, limitSide / Math.max(width, height));
  const fit = (side: number) => Math.max(MULTIPLE, roundHalfEven(Math.trunc(side * ratio) / MULTIPLE) * MULTIPLE);
  return { width: fit(width), height: fit(height) };
}

/** As Python rounds: a height of 720 becomes 704, not 736. */
function roundHalfEven(value: number): number {
  const below = Math.floor(value);
  if (value - below !== 0.5) return Math.round(value);
  return below % 2 === 0 ? below : below + 1;
}

/** Finds text lines, with the corners in pixels of the picture.
 * @param limitSide longest side the network sees, in pixels */
export async function detectLines(model: OnnxModel, picture: Picture, limitSide: number): Promise<Quad[]> {
  const { width, height } = detectionSize(picture.width, picture.height, limitSide);
  const planeSize = width * height;
  const input = new Float32Array(3 * planeSize);
  resizeIntoTensor(picture, width, height, NORMALISATION, input, { offset: 0, stride: width, planeSize });
  const output = await model.run(input, [1, 3, height, width]);

  const quads: Quad[] = [];
  for (const { quad } of dbBoxes(output.data, width, height)) {
    const onPicture = (p: Pixel): Pixel => ({
      x: Math.min(picture.width - 1, Math.max(0, Math.round((p.x / width) * picture.width))),
      y: Math.min(picture.height - 1, Math.max(0, Math.round((p.y / height) * picture.height))),
    });
    const scaled: Quad = [onPicture(quad[0]), onPicture(quad[1]), onPicture(quad[2]), onPicture(quad[3])];
    const [a, b, , d] = scaled;
    if (Math.trunc(distance(a, b)) > MIN_SIDE && Math.trunc(distance(a, d)) > MIN_SIDE) quads.push(scaled);
  }
  return quads;
}
