import type { TimedPicture } from "./cut-detector.ts";

export interface Dissolve {
  /** First sample in which the later picture outweighs the earlier one. */
  readonly pts: number;
  readonly time: number;
  /** From when to when the two are mixed visibly, in seconds. */
  readonly from: number;
  readonly to: number;
}

interface Sample {
  readonly pts: number;
  readonly time: number;
  /** Block means of luma, then of both chroma planes. */
  readonly blocks: Float32Array;
  readonly lumaBlocks: number;
  /** Standard deviation of the luma blocks. */
  readonly deviation: number;
}

/** A dissolve takes a few tenths of a second at least: this spacing is fine enough and costs nothing. */
const SAMPLE_SECONDS = 0.08;
const WINDOWS_SECONDS = [0.8, 1.2, 1.68, 2.4, 3.2] as const;
const KEPT_SECONDS = 3.4;
/** Mean absolute difference of blocks between the two ends. Small, because blocks average motion and noise out. */
const MIN_DIFFERENCE = 14;
/** Part of the way between the ends that a mixture does not explain. A pan or a moving object leaves more than a half. */
const MAX_RESIDUAL = 0.3;
/** Before and after, the weight rests at its ends for two samples, within this. A car that drives out of the picture while the
 * camera adapts its exposure fits a mixture quite well, but its weight never rests. */
const REST = 0.08;
/** In between, the weight follows a straight line this closely (mean deviation). */
const MAX_BEND = 0.02;
/** Ends that correlate more than this show the same thing: the light has changed, not the shot. */
const MAX_CORRELATION = 0.6;
/** Standard deviation of luma blocks below which a picture is empty: that is a fade, which `Fades` handles. */
const FLAT = 5;

/** Finds dissolves: between two ends every picture is a mixture `a + w (b - a)` with a weight that only grows. That is how
 * dissolves are made (Hampapur, Jain and Weymouth, "Digital video segmentation", ACM Multimedia 1994); the weight is fitted by
 * least squares for each sample, and motion does not fit. Memory: three seconds of block means. */
export class DissolveDetector {
  #samples: Sample[] = [];
  #best: (Dissolve & { score: number }) | undefined;
  readonly #onDissolve: (dissolve: Dissolve) => void;

  constructor(onDissolve: (dissolve: Dissolve) => void) {
    this.#onDissolve = onDissolve;
  }

  push(next: TimedPicture): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && next.time - last.time < SAMPLE_SECONDS) return;
    this.#samples.push(sampleOf(next));
    while (next.time - (this.#samples[0] as Sample).time > KEPT_SECONDS) this.#samples.shift();
    if (this.#best !== undefined && next.time - this.#best.time > KEPT_SECONDS) this.#emit();
    for (const seconds of WINDOWS_SECONDS) {
      const start = this.#samples.findLastIndex((sample) => sample.time <= next.time - seconds);
      const found = start < 0 ? undefined : mixture(this.#samples.slice(start));
      if (found === undefined) continue;
      if (this.#best !== undefined && found.from > this.#best.to) this.#emit();
      if (this.#best === undefined || found.score > this.#best.score) this.#best = found;
    }
  }

  finish(): void {
    this.#emit();
  }

  #emit(): void {
    if (this.#best !== undefined) this.#onDissolve(this.#best);
    this.#best = undefined;
  }
}

function mixture(samples: readonly Sample[]): (Dissolve & { score: number }) | undefined {
  const a = samples[0] as Sample;
  const b = samples.at(-1) as Sample;
  const way = b.blocks.map((value, i) => value - (a.blocks[i] as number));
  const length = meanAbsolute(way);
  if (samples.length < 5 || length < MIN_DIFFERENCE) return undefined;
  const norm = way.reduce((sum, value) => sum + value * value, 0);
  const weightOf = (sample: Sample) => weightOn(way, a, sample) / norm;
  // Most windows that differ at all fail here, and this costs little: the rest is looked at only of those that do not.
  if (!samples.slice(0, 3).every((sample) => weightOf(sample) <= REST)) return undefined;
  if (!samples.slice(-3).every((sample) => weightOf(sample) >= 1 - REST)) return undefined;
  if (samples.some((sample) => sample.deviation < FLAT) || correlation(a, b) > MAX_CORRELATION) return undefined;
  const weights: number[] = [];
  for (const sample of samples) {
    const weight = weightOf(sample);
    if (weight < (weights.at(-1) ?? 0) - 0.06) return undefined;
    weights.push(weight);
  }
  const mixed = weights.filter((weight) => weight > 0.1 && weight < 0.9).length;
  if (mixed < 3 || bend(samples, weights) > MAX_BEND) return undefined;
  let residual = 0;
  for (const [at, sample] of samples.entries()) {
    residual = Math.max(residual, unexplained(way, a, sample, weights[at] as number) / length);
    if (residual > MAX_RESIDUAL) return undefined;
  }
  const at = (limit: number) => samples[weights.findIndex((weight) => weight >= limit)] as Sample;
  const middle = at(0.5);
  return { pts: middle.pts, time: middle.time, from: at(0.1).time, to: at(0.9).time, score: length * (1 - residual) };
}

/** Scalar product of the way between the ends with the way from `a` to the sample. */
function weightOn(way: Float32Array, a: Sample, { blocks }: Sample): number {
  let dot = 0;
  for (let i = 0; i < way.length; i++) dot += ((blocks[i] as number) - (a.blocks[i] as number)) * (way[i] as number);
  return dot;
}

/** Mean absolute difference of the sample to the mixture with this weight. */
function unexplained(way: Float32Array, a: Sample, { blocks }: Sample, weight: number): number {
  let rest = 0;
  for (let i = 0; i < way.length; i++)
    rest += Math.abs((blocks[i] as number) - (a.blocks[i] as number) - weight * (way[i] as number));
  return rest / way.length;
}

/** Mean deviation of the rising weights from the straight line over time that fits them best. */
function bend(samples: readonly Sample[], weights: readonly number[]): number {
  const rising = samples.flatMap(({ time }, index) => {
    const weight = weights[index] as number;
    return weight > REST && weight < 1 - REST ? [{ time, weight }] : [];
  });
  const time = rising.reduce((sum, point) => sum + point.time, 0) / rising.length;
  const weight = rising.reduce((sum, point) => sum + point.weight, 0) / rising.length;
  const spread = rising.reduce((sum, point) => sum + (point.time - time) ** 2, 0);
  const slope = rising.reduce((sum, point) => sum + (point.time - time) * (point.weight - weight), 0) / spread;
  const off = (point: { time: number; weight: number }) =>
    Math.abs(point.weight - weight - slope * (point.time - time));
  return rising.reduce((sum, point) => sum + off(point), 0) / rising.length;
}

const BLOCK = 4;

function sampleOf({ pts, time, picture: { width, height, planes } }: TimedPicture): Sample {
  const luma = width * height;
  const parts = [
    blockMeans(planes, 0, width, height),
    blockMeans(planes, luma, width / 2, height / 2),
    blockMeans(planes, luma + luma / 4, width / 2, height / 2),
  ] as const;
  const blocks = new Float32Array(parts[0].length + parts[1].length + parts[2].length);
  blocks.set(parts[0]);
  blocks.set(parts[1], parts[0].length);
  blocks.set(parts[2], parts[0].length + parts[1].length);
  const sample = { pts, time, blocks, lumaBlocks: parts[0].length };
  return { ...sample, deviation: Math.sqrt(covariance(sample, sample)) };
}

function blockMeans(plane: Uint8Array, offset: number, width: number, height: number): Float32Array {
  const columns = Math.floor(width / BLOCK);
  const rows = Math.floor(height / BLOCK);
  const means = new Float32Array(columns * rows);
  for (let y = 0; y < rows * BLOCK; y++)
    for (let x = 0; x < columns * BLOCK; x++) {
      const block = Math.floor(y / BLOCK) * columns + Math.floor(x / BLOCK);
      means[block] = (means[block] as number) + (plane[offset + y * width + x] as number) / (BLOCK * BLOCK);
    }
  return means;
}

function meanAbsolute(values: Float32Array): number {
  return values.reduce((sum, value) => sum + Math.abs(value), 0) / values.length;
}

type LumaBlocks = Pick<Sample, "blocks" | "lumaBlocks">;

function lumaMean({ blocks, lumaBlocks }: LumaBlocks): number {
  let sum = 0;
  for (let i = 0; i < lumaBlocks; i++) sum += blocks[i] as number;
  return sum / lumaBlocks;
}

function covariance(a: LumaBlocks, b: LumaBlocks): number {
  const [meanA, meanB] = [lumaMean(a), lumaMean(b)];
  let sum = 0;
  for (let i = 0; i < a.lumaBlocks; i++) sum += ((a.blocks[i] as number) - meanA) * ((b.blocks[i] as number) - meanB);
  return sum / a.lumaBlocks;
}

const correlation = (a: Sample, b: Sample): number => covariance(a, b) / (a.deviation * b.deviation);
