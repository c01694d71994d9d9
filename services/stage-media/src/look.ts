/** Blocks of a look, across and down. */
const ACROSS = 16;
const DOWN = 9;
/** A block has changed when its mean luma differs by more than this, 0..255: twice what compression and grain leave in a block's mean. */
const CHANGED_LUMA = 16;
/** So many changed blocks are something else: a thirtieth of the picture. Someone comes in, a line of text appears, a thing is taken away. */
const CHANGED_BLOCKS = 5;

/** What a still shows, coarsely: the mean luma of each block, row by row. */
export type Look = Uint8Array;

export function lookOf(grey: Uint8Array, width: number, height: number): Look {
  const look = new Uint8Array(ACROSS * DOWN);
  for (let row = 0; row < DOWN; row++) {
    const [top, bottom] = [Math.floor((row * height) / DOWN), Math.floor(((row + 1) * height) / DOWN)];
    for (let column = 0; column < ACROSS; column++) {
      const [left, right] = [Math.floor((column * width) / ACROSS), Math.floor(((column + 1) * width) / ACROSS)];
      let sum = 0;
      for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) sum += grey[y * width + x] as number;
      look[row * ACROSS + column] = sum / Math.max(1, (bottom - top) * (right - left));
    }
  }
  return look;
}

/** Whether two stills show something else. The median difference of all blocks is what exposure did, and does not count. */
export function differs(a: Look, b: Look): boolean {
  const differences = Int16Array.from(a, (value, i) => value - (b[i] as number));
  const median = differences.toSorted()[differences.length >> 1] as number;
  let changed = 0;
  for (const difference of differences) if (Math.abs(difference - median) > CHANGED_LUMA) changed++;
  return changed >= CHANGED_BLOCKS;
}
