import { differs, type Look } from "./look.ts";
import type { Boundary } from "./shot-boundaries.ts";

export interface Candidate {
  readonly index: number;
  readonly pts: number;
  readonly time: number;
  /** Variance of the Laplacian. */
  readonly sharpness: number;
  /** Mean luma, 0..255. */
  readonly luma: number;
  /** Standard deviation of luma. */
  readonly contrast: number;
  readonly blank: boolean;
  readonly look: Look;
}

/** A shot with the stills that stand for it. Half-open, in units of the time base and in seconds. */
export interface PickedShot {
  readonly startPts: number;
  readonly start: number;
  readonly endPts: number;
  readonly end: number;
  /** In order of time. A single blank one for a shot that is blank throughout; none where it had no candidate. */
  readonly keyframes: readonly Candidate[];
}

/** Boundaries that lie this far ahead of a still must be known before it is judged: half a long dissolve. */
const MARGIN_SECONDS = 1.2;
/** A rest shorter than this part of a window gets no still of its own. */
const REST_PART = 0.2;
/** Something new gets a still of its own within a window, but not more often than this, in seconds: a moving camera would otherwise
 * fill the archive with stills. */
const LOOK_SECONDS = 4;
/** And only from a picture that is at least this much as good as the window's best: not from the blur of a quick pan. */
const LOOK_QUALITY = 0.25;
/** What was seen in so many stills before is not new: who comes and goes leaves the empty room behind. */
const LOOKS_KEPT = 8;
/** This close to a cut the picture may still hold the other shot (interlaced and converted material, coding artefacts). */
const CLEAR_SECONDS = 0.1;

/** How well a still stands for its window: sharp, neither dark nor burnt out nor empty, not within a transition. */
export function quality(candidate: Candidate, transitions: readonly Boundary[]): number {
  const inTransition = transitions.some(
    ({ from, to, time }) =>
      (candidate.time >= from - CLEAR_SECONDS && candidate.time < to + CLEAR_SECONDS && to > from) ||
      // The first pictures after a cut; those before it count as well, since the cut is found between two pictures.
      (candidate.time > time - CLEAR_SECONDS && candidate.time < time + CLEAR_SECONDS),
  );
  const exposure = Math.min(1, Math.max(0.02, (candidate.luma - 20) / 40), Math.max(0.02, (245 - candidate.luma) / 30));
  const content = Math.min(1, candidate.contrast / 12);
  const factor = exposure * content * (candidate.blank ? 0.001 : 1) * (inTransition ? 0.01 : 1);
  // The logarithm keeps fine texture (leaves, noise) from winning over a well exposed picture.
  return Math.log1p(candidate.sharpness) * factor;
}

/** Picks stills: the best one of each window of each shot, and of what comes into it. Takes candidates and boundaries as they come and holds only those
 * that are not decided yet. */
export class KeyframePicker {
  readonly #windowSeconds: number;
  readonly #onShot: (shot: PickedShot) => void;
  readonly #onDropped: (index: number) => void;
  readonly #waiting: Candidate[] = [];
  readonly #boundaries: Boundary[] = [];
  #start: { pts: number; time: number } | undefined;
  #opening: Boundary | undefined;
  #windows: Candidate[] = [];
  #windowAt = Number.NEGATIVE_INFINITY;
  #openedAt = Number.NEGATIVE_INFINITY;
  /** A blank still counts only where a whole shot has nothing else. */
  #spare: Candidate | undefined;

  /** @param windowSeconds a long shot gets a still for each such stretch
   * @param onDropped told the index of each candidate that is not kept */
  constructor(windowSeconds: number, onShot: (shot: PickedShot) => void, onDropped: (index: number) => void) {
    this.#windowSeconds = windowSeconds;
    this.#onShot = onShot;
    this.#onDropped = onDropped;
  }

  begin(pts: number, time: number): void {
    this.#start ??= { pts, time };
    if (this.#windowAt === Number.NEGATIVE_INFINITY) this.#windowAt = time;
  }

  offer(candidate: Candidate): void {
    this.#waiting.push(candidate);
  }

  boundary(boundary: Boundary): void {
    this.#boundaries.push(boundary);
  }

  /** All boundaries and all candidates before `until` are known, in seconds. */
  settle(until: number): void {
    for (;;) {
      const next = this.#boundaries[0];
      const candidate = this.#waiting[0];
      if (next !== undefined && next.time <= until - MARGIN_SECONDS && (candidate?.time ?? until) >= next.time) {
        this.#close(next.pts, next.time);
        this.#start = { pts: next.pts, time: next.time };
        this.#opening = next;
        this.#windowAt = next.time;
        this.#boundaries.shift();
      } else if (candidate !== undefined && candidate.time < until - MARGIN_SECONDS) {
        this.#waiting.shift();
        this.#take(candidate);
      } else return;
    }
  }

  /** @param endPts end of the last frame */
  finish(endPts: number, end: number): void {
    this.settle(Number.POSITIVE_INFINITY);
    if (this.#start !== undefined) this.#close(endPts, end);
  }

  #take(candidate: Candidate): void {
    if (candidate.blank) {
      this.#drop(this.#spare);
      this.#spare = candidate;
      return;
    }
    const near = [this.#opening, this.#boundaries[0]].filter((boundary) => boundary !== undefined);
    const best = this.#windows.at(-1);
    if (best === undefined || candidate.time >= this.#windowAt + this.#windowSeconds) {
      if (best !== undefined)
        while (candidate.time >= this.#windowAt + this.#windowSeconds) this.#windowAt += this.#windowSeconds;
      this.#open(candidate);
    } else if (!differs(candidate.look, best.look) || candidate.time < this.#openedAt + LOOK_SECONDS) {
      if (quality(candidate, near) > quality(best, near)) {
        this.#drop(best);
        this.#windows[this.#windows.length - 1] = candidate;
      } else this.#drop(candidate);
    } else if (
      quality(candidate, near) >= LOOK_QUALITY * quality(best, near) &&
      this.#windows.slice(-LOOKS_KEPT).every(({ look }) => differs(candidate.look, look))
    )
      this.#open(candidate);
    else this.#drop(candidate);
  }

  #open(candidate: Candidate): void {
    this.#windows.push(candidate);
    this.#openedAt = candidate.time;
  }

  #close(endPts: number, end: number): void {
    const start = this.#start as { pts: number; time: number };
    const [last, before] = [this.#windows.at(-1), this.#windows.at(-2)];
    if (last !== undefined && before !== undefined && end - this.#windowAt < REST_PART * this.#windowSeconds) {
      const near = this.#boundaries[0] === undefined ? [] : [this.#boundaries[0]];
      const worse = quality(last, near) > quality(before, near) ? before : last;
      this.#windows.splice(this.#windows.indexOf(worse), 1);
      this.#drop(worse);
    }
    const keyframes = this.#windows.length > 0 || this.#spare === undefined ? this.#windows : [this.#spare];
    if (this.#windows.length > 0) this.#drop(this.#spare);
    this.#onShot({ startPts: start.pts, start: start.time, endPts, end, keyframes });
    this.#windows = [];
    this.#spare = undefined;
  }

  #drop(candidate: Candidate | undefined): void {
    if (candidate !== undefined) this.#onDropped(candidate.index);
  }
}
