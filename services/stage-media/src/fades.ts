import type { TimedPicture } from "./cut-detector.ts";
import { isBlank, lumaOf } from "./picture.ts";

/** A run of blank pictures, black or white. Half-open; times in seconds. */
export interface BlankRun {
  readonly from: number;
  readonly to: number;
  /** Start of the first picture at or after its middle. */
  readonly middle: { readonly pts: number; readonly time: number };
}

/** Finds runs of blank pictures between pictures that are not, as fades through black or white make them. Runs at the very
 * start or end of a video divide nothing. PySceneDetect's ThresholdDetector puts the boundary in the middle, too. */
export class Fades {
  #run: TimedPoint[] = [];
  #started = false;
  readonly #onRun: (run: BlankRun) => void;

  constructor(onRun: (run: BlankRun) => void) {
    this.#onRun = onRun;
  }

  /** Start of the run that is not over yet, in seconds. */
  get openSince(): number | undefined {
    return this.#started ? this.#run[0]?.time : undefined;
  }

  push({ pts, time, picture }: TimedPicture): void {
    if (isBlank(lumaOf(picture.planes, picture.width * picture.height))) {
      this.#run.push({ pts, time });
      // A long run needs no exact middle: every second picture goes, so memory stays bounded.
      if (this.#run.length > 4096) this.#run = this.#run.filter((_, index) => index % 2 === 0);
      return;
    }
    const first = this.#run[0];
    if (this.#started && first !== undefined) {
      const half = (first.time + time) / 2;
      const middle = this.#run.find((point) => point.time >= half) ?? { pts, time };
      this.#onRun({ from: first.time, to: time, middle });
    }
    this.#run = [];
    this.#started = true;
  }
}

interface TimedPoint {
  readonly pts: number;
  readonly time: number;
}
