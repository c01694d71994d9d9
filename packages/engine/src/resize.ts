import type { Picture } from "./picture.ts";

/** Fixed-point digits of a weight: what 8 bits of pixel and two of headroom leave of 32. */
const PRECISION = 22;

/** A picture scaled to an exact size, its proportions given up: bilinear with the filter widened when it shrinks ("triangle"), along the rows first,
 * 22-bit weights and 8 bits between the two passes. This is what Pillow's `resize(..., BILINEAR)` does (Pillow, src/libImaging/Resample.c), bit for
 * bit: image models are trained and published with it. */
export function resized({ rgb, width: from, height: rows }: Picture, width: number, height: number): Picture {
  const narrow = new Uint8Array(rows * width * 3);
  scale(rgb, narrow, { from, to: width, step: 3, lines: rows, line: [from * 3, width * 3], values: 3 });
  const whole = new Uint8Array(height * width * 3);
  const pitch = width * 3;
  scale(narrow, whole, { from: rows, to: height, step: pitch, lines: 1, line: [0, 0], values: pitch });
  return { width, height, rgb: whole };
}

interface Axis {
  /** Pixels along the axis, before and after. */
  readonly from: number;
  readonly to: number;
  /** Bytes from one pixel to the next along it. */
  readonly step: number;
  /** Lines to scale, and bytes from one to the next in source and target. */
  readonly lines: number;
  readonly line: readonly [number, number];
  /** Neighbouring bytes that share a place on the axis. */
  readonly values: number;
}

function scale(source: Uint8Array, target: Uint8Array, axis: Axis): void {
  const { lines, line, step, to, values } = axis;
  const taps = Array.from({ length: to }, (_, at) => tapsOf(axis, at));
  for (let n = 0; n < lines; n++) {
    for (const [at, { first, weights }] of taps.entries()) {
      const start = n * line[0] + first * step;
      const out = n * line[1] + at * step;
      for (let c = 0; c < values; c++) {
        let sum = 1 << (PRECISION - 1);
        for (let i = 0; i < weights.length; i++) {
          sum += (source[start + i * step + c] as number) * (weights[i] as number);
        }
        target[out + c] = Math.max(0, Math.min(255, sum >> PRECISION));
      }
    }
  }
}

/** Source pixels of one target pixel, and what each weighs. */
function tapsOf({ from, to }: Axis, at: number): { first: number; weights: Int32Array } {
  const ratio = from / to;
  const support = Math.max(1, ratio);
  const centre = (at + 0.5) * ratio;
  const first = Math.max(0, Math.trunc(centre - support + 0.5));
  const last = Math.min(from, Math.trunc(centre + support + 0.5));
  const shares: number[] = [];
  for (let i = first; i < last; i++) shares.push(Math.max(0, 1 - Math.abs((i - centre + 0.5) / support)));
  const all = shares.reduce((sum, share) => sum + share, 0);
  return { first, weights: Int32Array.from(shares, (share) => Math.trunc(0.5 + (share / all) * 2 ** PRECISION)) };
}
