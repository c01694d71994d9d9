import type { OnnxModel, Picture } from "@heimdex/engine";
import { ctcDecode, type SeenCharacter } from "./ctc.ts";
import { type Normalisation, resizeIntoTensor } from "./resample.ts";

/** Lines are scaled to this height, in pixels. */
const HEIGHT = 48;
/** Narrower lines are padded to this width: what the network was trained on. */
const MIN_WIDTH = 320;
/** Longer lines are padded to multiples of this, so that few shapes occur. */
const WIDTH_STEP = 32;
/** Longer lines (above some 110 Latin letters) are squeezed to this. Bounds the memory of one run. */
const MAX_WIDTH = 3200;
/** Columns of all lines in one run together. */
const MAX_BATCH_COLUMNS = 6 * MIN_WIDTH;

/** Of PP-OCR's direction and recognition networks: -1..1. */
export const LINE_NORMALISATION: Normalisation = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] };

/** Reads lines of text, in the order given.
 *
 * A line is padded to a width that depends on this line alone, so that what is read in it does not depend on what else is in
 * the picture. Lines of one width go through the network together. */
export async function recognizeLines(
  model: OnnxModel,
  alphabet: readonly string[],
  lines: readonly Picture[],
): Promise<SeenCharacter[][]> {
  const read: SeenCharacter[][] = lines.map(() => []);
  for (const { width, members } of batches(lines)) {
    const planeSize = HEIGHT * width;
    const input = new Float32Array(members.length * 3 * planeSize);
    for (const [i, member] of members.entries()) {
      const line = lines[member] as Picture;
      resizeIntoTensor(line, scaledWidth(line), HEIGHT, LINE_NORMALISATION, input, {
        offset: i * 3 * planeSize,
        stride: width,
        planeSize,
      });
    }
    const { data, dims } = await model.run(input, [members.length, 3, HEIGHT, width]);
    const [, steps, classes] = dims;
    if (steps === undefined || classes !== alphabet.length) {
      throw new Error(`the recognizer has ${classes} classes, its dictionary ${alphabet.length}`);
    }
    for (const [i, member] of members.entries()) {
      read[member] = ctcDecode(data.subarray(i * steps * classes, (i + 1) * steps * classes), steps, alphabet);
    }
  }
  return read;
}

const scaledWidth = (line: Picture): number =>
  Math.max(1, Math.min(MAX_WIDTH, Math.ceil((HEIGHT * line.width) / line.height)));

/** Width to which a line is padded. */
export function paddedWidth(line: Picture): number {
  return Math.max(MIN_WIDTH, Math.ceil(scaledWidth(line) / WIDTH_STEP) * WIDTH_STEP);
}

function batches(lines: readonly Picture[]): { width: number; members: number[] }[] {
  const byWidth = Map.groupBy(lines.keys(), (i) => paddedWidth(lines[i] as Picture));
  const all: { width: number; members: number[] }[] = [];
  for (const [width, members] of [...byWidth].sort(([a], [b]) => a - b)) {
    const size = Math.max(1, Math.floor(MAX_BATCH_COLUMNS / width));
    for (let i = 0; i < members.length; i += size) all.push({ width, members: members.slice(i, i + size) });
  }
  return all;
}
