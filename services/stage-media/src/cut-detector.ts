import { difference, type Picture } from "./picture.ts";

export interface TimedPicture {
  /** In units of the stream's time base. */
  readonly pts: number;
  /** The same instant in seconds. */
  readonly time: number;
  readonly picture: Picture;
}

interface Seen extends TimedPicture {
  /** Difference to the picture before; 0 for the first. */
  readonly change: number;
}

/** A change below this is no cut, however still the pictures around it are (units of `difference`). On the footage we tried,
 * noise and slow motion stay under 5 and cuts between different places above 25. */
const MIN_CHANGE = 12;
/** A cut changes the picture this many times more than its neighbours do. PySceneDetect's AdaptiveDetector has 3.0 as well. */
const MIN_RATIO = 3;
/** Neighbours: at least 2 on each side, as there, and all within this many seconds, so that 50 and 60 frames a second and
 * pictures that repeat (film shown at a higher rate) are judged over the same time. */
const NEIGHBOUR_SECONDS = 0.2;
const NEIGHBOURS = 2;
/** A picture that comes back within this time was interrupted by a flash, not cut. */
const FLASH_SECONDS = 0.4;
/** It has come back when it differs by less than this part of the jump. */
const RETURN_PART = 0.5;
/** Bounds memory at absurd frame rates. */
const MAX_SIDE = 64;

/** Finds hard cuts. The rule is that of PySceneDetect's AdaptiveDetector (Castellano, BSD-3-Clause): the change of a frame over
 * the mean change of its neighbours; here on luma and chroma, with windows in seconds and with flashes told apart.
 * Needs FLASH_SECONDS of look-ahead; memory does not grow with the video. */
export class CutDetector {
  #seen: Seen[] = [];
  /** Memory of pictures that are no longer needed. */
  readonly #free: Uint8Array[] = [];
  #center = 0;
  readonly #onCut: (at: TimedPicture, flash: boolean) => void;

  /** @param onCut called in order of time with the first picture after each jump; `flash`: it was none, only light */
  constructor(onCut: (at: TimedPicture, flash: boolean) => void) {
    this.#onCut = onCut;
  }

  /** All cuts before this time are known, in seconds. */
  get settled(): number {
    return this.#seen[this.#center]?.time ?? Number.NEGATIVE_INFINITY;
  }

  /** Copies the picture: its memory may be used again afterwards. */
  push({ pts, time, picture: { width, height, planes } }: TimedPicture): void {
    const before = this.#seen.at(-1);
    const own = this.#free.pop() ?? new Uint8Array(planes.length);
    own.set(planes);
    const picture = { width, height, planes: own };
    const change = before === undefined ? 0 : difference(before.picture, picture);
    this.#seen.push({ pts, time, picture, change });
    while (this.#ready(time)) this.#advance();
  }

  finish(): void {
    while (this.#center < this.#seen.length) this.#advance();
  }

  #ready(now: number): boolean {
    const center = this.#seen[this.#center];
    if (center === undefined) return false;
    const ahead = this.#seen.length - 1 - this.#center;
    return (ahead >= NEIGHBOURS && now - center.time > FLASH_SECONDS) || ahead >= MAX_SIDE;
  }

  #advance(): void {
    const index = this.#center;
    const center = this.#seen[index] as Seen;
    if (index > 0 && center.change >= MIN_CHANGE && center.change >= MIN_RATIO * this.#around(index))
      this.#onCut(center, this.#isFlash(index));
    this.#center++;
    const keepFrom = center.time - FLASH_SECONDS;
    let drop = Math.max(0, this.#center - MAX_SIDE);
    while (drop < this.#center - NEIGHBOURS - 1 && (this.#seen[drop] as Seen).time < keepFrom) drop++;
    for (const { picture } of this.#seen.splice(0, drop)) this.#free.push(picture.planes);
    this.#center -= drop;
  }

  /** Mean change of the neighbours. */
  #around(index: number): number {
    const { time } = this.#seen[index] as Seen;
    let sum = 0;
    let count = 0;
    for (const [at, other] of this.#seen.entries()) {
      const near = Math.abs(at - index) <= NEIGHBOURS || Math.abs(other.time - time) <= NEIGHBOUR_SECONDS;
      if (at === index || at === 0 || !near) continue;
      sum += other.change;
      count++;
    }
    return count === 0 ? 0 : sum / count;
  }

  /** Going in: the picture before returns soon. Coming out: the picture after was there shortly before. */
  #isFlash(index: number): boolean {
    const center = this.#seen[index] as Seen;
    const before = this.#seen[index - 1] as Seen;
    const same = RETURN_PART * center.change;
    return this.#seen.some((other, at) => {
      if (Math.abs(other.time - center.time) > FLASH_SECONDS) return false;
      if (at > index) return difference(before.picture, other.picture) < same;
      return at < index - 1 && difference(center.picture, other.picture) < same;
    });
  }
}
