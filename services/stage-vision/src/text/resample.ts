import type { Picture } from "@heimdex/engine";

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
  const columns = taps(picture.width, width, 3);
  const rows = taps(picture.height, height, picture.width * 3);
  // One table of 256 values per plane, written out: this runs for half a million pixels a keyframe.
  const blue = normalised(mean[0], std[0]);
  const green = normalised(mean[1], std[1]);
  const red = normalised(mean[2], std[2]);
  for (let y = 0; y < height; y++) {
    const row0 = rows.low[y] as number;
    const row1 = rows.high[y] as number;
    const fy = rows.part[y] as number;
    const to = offset + y * stride;
    for (let x = 0; x < width; x++) {
      const fx = columns.part[x] as number;
      const column0 = columns.low[x] as number;
      const column1 = columns.high[x] as number;
      const a = row0 + column0;
      const b = row0 + column1;
      const c = row1 + column0;
      const d = row1 + column1;
      // Weights of the four neighbours; half a grey level is added so that cutting off rounds.
      const wd = fx * fy;
      const wb = fx - wd;
      const wc = fy - wd;
      const wa = 1 - fx - fy + wd;
      const r =
        (wa * (rgb[a] as number) + wb * (rgb[b] as number) + wc * (rgb[c] as number) + wd * (rgb[d] as number) + 0.5) |
        0;
      const g =
        (wa * (rgb[a + 1] as number) +
          wb * (rgb[b + 1] as number) +
          wc * (rgb[c + 1] as number) +
          wd * (rgb[d + 1] as number) +
          0.5) |
        0;
      const u =
        (wa * (rgb[a + 2] as number) +
          wb * (rgb[b + 2] as number) +
          wc * (rgb[c + 2] as number) +
          wd * (rgb[d + 2] as number) +
          0.5) |
        0;
      out[to + x] = blue[u] as number;
      out[to + x + planeSize] = green[g] as number;
      out[to + x + 2 * planeSize] = red[r] as number;
    }
  }
}

const normalised = (mean: number, std: number) => Float32Array.from({ length: 256 }, (_, v) => (v / 255 - mean) / std);

/** For each target position the two source positions it lies between, in units of `step`, and how far it is to the second. */
function taps(source: number, target: number, step: number): { low: Int32Array; high: Int32Array; part: Float64Array } {
  const low = new Int32Array(target);
  const high = new Int32Array(target);
  const part = new Float64Array(target);
  for (let i = 0; i < target; i++) {
    const position = Math.min(source - 1, Math.max(0, ((i + 0.5) * source) / target - 0.5));
    const below = Math.floor(position);
    low[i] = below * step;
    high[i] = Math.min(source - 1, below + 1) * step;
    part[i] = position - below;
  }
  return { low, high, part };
}
