import type { Picture } from "../engine/picture.ts";

/** Value of a channel v (0..255) as the network wants it: `v / 255` less `mean`, over `std`. Channel order B G R. */
export interface Normalisation {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
}

/** Writes a picture, resized, into a tensor of three planes B, G, R: the networks were trained on what OpenCV reads.
 * Bilinear with pixel centres at .5 and no smoothing, rounded to 8 bit, as OpenCV's `resize` does.
 * @param out tensor; plane c begins at `offset + c * planeSize`
 * @param stride values from one row to the next, >= width */
export function resizeIntoTensor(
  picture: Picture,
  width: number,
  height: number,
  { mean, std }: Normalisation,
  out: Float32Array,
  { offset, stride, planeSize }: { offset: number; stride: number; planeSize: number },
): void {
  const { rgb } = picture;
  const columns = taps(picture.width, width);
  const rows = taps(picture.height, height);
  const value = [0, 1, 2].map((c) =>
    Float32Array.from({ length: 256 }, (_, v) => (v / 255 - at(mean, c)) / at(std, c)),
  );
  for (let y = 0; y < height; y++) {
    const row0 = at(rows.low, y) * picture.width;
    const row1 = at(rows.high, y) * picture.width;
    const fy = at(rows.part, y);
    for (let x = 0; x < width; x++) {
      const column0 = at(columns.low, x);
      const column1 = at(columns.high, x);
      const fx = at(columns.part, x);
      const to = offset + y * stride + x;
      for (let c = 0; c < 3; c++) {
        const source = 2 - c;
        const upper = mix(at(rgb, (row0 + column0) * 3 + source), at(rgb, (row0 + column1) * 3 + source), fx);
        const lower = mix(at(rgb, (row1 + column0) * 3 + source), at(rgb, (row1 + column1) * 3 + source), fx);
        out[to + c * planeSize] = at(at(value, c), (mix(upper, lower, fy) + 0.5) | 0);
      }
    }
  }
}

const mix = (a: number, b: number, part: number): number => a + (b - a) * part;
/** Indices here are in range by construction. */
const at = <T>(values: ArrayLike<T>, i: number): T => values[i] as T;

/** For each target position the two source positions it lies between, and how far it is towards the second. */
function taps(source: number, target: number): { low: Int32Array; high: Int32Array; part: Float32Array } {
  const low = new Int32Array(target);
  const high = new Int32Array(target);
  const part = new Float32Array(target);
  for (let i = 0; i < target; i++) {
    const position = Math.min(source - 1, Math.max(0, ((i + 0.5) * source) / target - 0.5));
    low[i] = Math.floor(position);
    high[i] = Math.min(source - 1, at(low, i) + 1);
    part[i] = position - at(low, i);
  }
  return { low, high, part };
}
