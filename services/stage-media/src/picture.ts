/** A small picture in planar YUV 4:2:0, 8 bits, as ffmpeg's rawvideo writes it. */
export interface Picture {
  /** Even. */
  readonly width: number;
  /** Even. */
  readonly height: number;
  /** width * height luma samples, then a quarter as many of each chroma plane. */
  readonly planes: Uint8Array;
}

/** How different two pictures of one size are: mean absolute difference of luma plus those of both chroma planes.
 * 0 for equal ones; in practice up to about 200. */
export function difference(a: Picture, b: Picture): number {
  const luma = a.width * a.height;
  const [p, q] = [a.planes, b.planes];
  let y = 0;
  for (let i = 0; i < luma; i++) y += Math.abs((p[i] as number) - (q[i] as number));
  let c = 0;
  for (let i = luma; i < p.length; i++) c += Math.abs((p[i] as number) - (q[i] as number));
  // Each chroma plane has luma / 4 samples: the sum over both, over luma / 4, is the sum of both means.
  return y / luma + c / (luma / 4);
}

/** Mean and standard deviation of luma, 0..255. */
export function lumaOf(samples: Uint8Array, count: number): { mean: number; deviation: number } {
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < count; i++) {
    const value = samples[i] as number;
    sum += value;
    squares += value * value;
  }
  const mean = sum / count;
  return { mean, deviation: Math.sqrt(Math.max(0, squares / count - mean * mean)) };
}

/** Variance of the 4-neighbour Laplacian of a grey picture: large where edges are sharp, small where all is blurred or flat.
 * Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy: a comparative study", ICPR 2000. */
export function laplacianVariance(grey: Uint8Array, width: number, height: number): number {
  let sum = 0;
  let squares = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * width + 1, end = (y + 1) * width - 1; i < end; i++) {
      const value =
        4 * (grey[i] as number) -
        (grey[i - 1] as number) -
        (grey[i + 1] as number) -
        (grey[i - width] as number) -
        (grey[i + width] as number);
      sum += value;
      squares += value * value;
    }
  }
  const count = (width - 2) * (height - 2);
  if (width < 3 || height < 3) return 0;
  return squares / count - (sum / count) ** 2;
}

/** Standard deviation of luma below which a picture shows nothing. */
const FLAT = 6;

/** Black or white and nothing else: what fades go through. Studio black is 16, white 235; compression adds a little. */
export function isBlank({ mean, deviation }: { mean: number; deviation: number }): boolean {
  return deviation < FLAT && (mean < 32 || mean > 225);
}
