import type { FinishedSpan } from "./tracer.ts";

/** Keeps the spans of one attempt, so that they can be sent with its result: at most `limit`, the longest.
 * A parent lasts at least as long as its child and ends later, and of equals the later is kept: what is kept never hangs below what is not. */
export class SpanRecorder {
  readonly #limit: number;
  readonly #spans: FinishedSpan[] = [];
  #dropped = 0;

  /** @param limit how many spans are kept; default 32, what FinishLeases takes */
  constructor(limit = 32) {
    this.#limit = limit;
  }

  /** How many spans were left out. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The spans kept, by start. */
  get spans(): readonly FinishedSpan[] {
    return this.#spans.toSorted((a, b) => a.startMs - b.startMs);
  }

  record(span: FinishedSpan): void {
    if (this.#spans.length < this.#limit) {
      this.#spans.push(span);
      return;
    }
    this.#dropped += 1;
    let shortest = 0;
    for (let at = 1; at < this.#spans.length; at++) {
      if (lengthOf(this.#spans[at]) < lengthOf(this.#spans[shortest])) shortest = at;
    }
    if (lengthOf(this.#spans[shortest]) <= lengthOf(span)) this.#spans[shortest] = span;
  }
}

function lengthOf(span: FinishedSpan | undefined): number {
  return span === undefined ? 0 : span.endMs - span.startMs;
}
