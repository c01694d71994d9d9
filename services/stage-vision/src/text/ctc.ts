/** A character as the recognizer saw it. */
export interface SeenCharacter {
  readonly character: string;
  /** Highest probability over the time steps of its run, 0..1. */
  readonly probability: number;
  /** First time step of its run, from 0. */
  readonly step: number;
  /** Highest probability of a space since the character before it, 0..1, also where a blank was likelier. */
  readonly spaceBefore: number;
}

/** Class 0 of PP-OCR's recognizers is CTC's blank. */
const BLANK = 0;

/** Greedy decoding (Graves et al., "Connectionist Temporal Classification", 2006): the likeliest class of each step, runs
 * of one class counted once, blanks dropped. Spaces are left out too: `spaceBefore` says where they are likely.
 * @param probabilities `steps * alphabet.length` values, one row per step
 * @param alphabet character of each class; class 0 is the blank, the last one the space */
export function ctcDecode(probabilities: Float32Array, steps: number, alphabet: readonly string[]): SeenCharacter[] {
  const classes = alphabet.length;
  const space = classes - 1;
  const seen: { character: string; probability: number; step: number; spaceBefore: number }[] = [];
  let before = BLANK;
  let spaceBefore = 0;
  for (let step = 0; step < steps; step++) {
    const row = step * classes;
    let best = 0;
    let probability = -Infinity;
    for (let c = 0; c < classes; c++) {
      const p = probabilities[row + c] as number;
      if (p > probability) {
        probability = p;
        best = c;
      }
    }
    spaceBefore = Math.max(spaceBefore, probabilities[row + space] as number);
    const last = seen.at(-1);
    if (best !== BLANK && best !== space) {
      if (best === before && last !== undefined) {
        last.probability = Math.max(last.probability, probability);
      } else {
        seen.push({ character: alphabet[best] as string, probability, step, spaceBefore });
        spaceBefore = 0;
      }
    }
    before = best;
  }
  return seen;
}
