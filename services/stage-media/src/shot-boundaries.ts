import { CutDetector, type TimedPicture } from "./cut-detector.ts";
import { type Dissolve, DissolveDetector } from "./dissolve-detector.ts";
import { type BlankRun, Fades } from "./fades.ts";

export interface Boundary {
  /** First frame of the new shot, in units of the stream's time base. */
  readonly pts: number;
  readonly time: number;
  /** The transition itself, in seconds: pictures within show no shot cleanly. */
  readonly from: number;
  readonly to: number;
}

/** Shots are at least this long: what is shorter is part of its neighbour. */
export const MIN_SHOT_SECONDS = 0.4;
/** Gradual transitions are less certain and leave at least this much before and after. */
const MIN_GRADUAL_SECONDS = 1;
/** A dissolve is told at most this long after its middle: half its window, then until a better fit can no longer come. */
const LOOK_AHEAD_SECONDS = 7;

/** Turns a stream of small pictures into shot boundaries. Streaming: memory does not grow with the video. */
export class ShotBoundaries {
  readonly #hard: Boundary[] = [];
  readonly #flashes: number[] = [];
  readonly #gradual: Boundary[] = [];
  #runs: BlankRun[] = [];
  readonly #cuts: CutDetector;
  readonly #dissolves: DissolveDetector;
  readonly #fades: Fades;
  readonly #onBoundary: (boundary: Boundary) => void;
  #now = Number.NEGATIVE_INFINITY;
  /** Start of the shot that is open, in seconds. */
  #shotStart: number | undefined;

  /** @param onBoundary called in order of time, each at least MIN_SHOT_SECONDS after the one before */
  constructor(onBoundary: (boundary: Boundary) => void) {
    this.#onBoundary = onBoundary;
    this.#cuts = new CutDetector((at, flash) => {
      if (flash) this.#flashes.push(at.time);
      else this.#hard.push({ pts: at.pts, time: at.time, from: at.time, to: at.time });
    });
    this.#dissolves = new DissolveDetector((dissolve: Dissolve) => this.#gradual.push(dissolve));
    this.#fades = new Fades((run) => this.#runs.push(run));
  }

  /** All boundaries before this time have been told, in seconds. */
  get settled(): number {
    return Math.min(this.#decidable, this.#runs[0]?.from ?? Number.POSITIVE_INFINITY);
  }

  get #decidable(): number {
    return Math.min(this.#now - LOOK_AHEAD_SECONDS, this.#fades.openSince ?? Number.POSITIVE_INFINITY);
  }

  push(picture: TimedPicture): void {
    this.#shotStart ??= picture.time;
    this.#now = picture.time;
    this.#cuts.push(picture);
    this.#dissolves.push(picture);
    this.#fades.push(picture);
    this.#tell(this.#decidable, Number.POSITIVE_INFINITY);
  }

  /** @param end end of the video in seconds: a boundary just before it is none */
  finish(end: number): void {
    this.#cuts.finish();
    this.#dissolves.finish();
    this.#tell(Number.POSITIVE_INFINITY, end);
  }

  /** Cuts are known late (they wait for flashes), so runs are judged when all that touches them is settled. */
  #judgeRuns(until: number): void {
    const judged = this.#runs.filter((run) => run.to < until);
    if (judged.length === 0) return;
    this.#runs = this.#runs.filter((run) => run.to >= until);
    for (const run of judged) {
      const touches = (time: number) => time >= run.from - 0.001 && time <= run.to + 0.001;
      if (this.#flashes.some(touches) || this.#hard.some((cut) => touches(cut.time))) continue;
      this.#gradual.push({ ...run.middle, from: run.from, to: run.to });
    }
  }

  #tell(until: number, end: number): void {
    this.#judgeRuns(until);
    const told = Math.min(until, this.#runs[0]?.from ?? Number.POSITIVE_INFINITY);
    const due = [
      ...takeBefore(this.#hard, told).map((boundary) => ({ boundary, room: MIN_SHOT_SECONDS })),
      ...takeBefore(this.#gradual, told)
        .filter((soft) => !this.#hard.some((cut) => Math.abs(cut.time - soft.time) < MIN_GRADUAL_SECONDS))
        .map((boundary) => ({ boundary, room: MIN_GRADUAL_SECONDS })),
    ].sort((a, b) => a.boundary.time - b.boundary.time);
    for (const [index, { boundary, room }] of due.entries()) {
      if (boundary.time - (this.#shotStart ?? 0) < room - 1e-6 || end - boundary.time < room - 1e-6) continue;
      const next = due[index + 1];
      // A dissolve next to a cut is the cut's own blur, or less sure than it.
      if (room === MIN_GRADUAL_SECONDS && next?.room === MIN_SHOT_SECONDS && next.boundary.time - boundary.time < room)
        continue;
      this.#shotStart = boundary.time;
      this.#onBoundary(boundary);
    }
    while ((this.#flashes[0] ?? Number.POSITIVE_INFINITY) < until - LOOK_AHEAD_SECONDS) this.#flashes.shift();
  }
}

function takeBefore(list: Boundary[], time: number): Boundary[] {
  const taken = list.filter((boundary) => boundary.time < time);
  const kept = list.filter((boundary) => boundary.time >= time);
  list.splice(0, list.length, ...kept);
  return taken;
}
