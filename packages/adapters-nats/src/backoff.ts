const FIRST_MS = 50;
const LONGEST_MS = 5_000;

/** Pauses that double from 50 ms to 5 s, each shortened at random by up to a half, so that clients that lost one server do not come back at once. */
export class Backoff {
  readonly #random: () => number;
  #nextMs = FIRST_MS;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  next(): number {
    const pauseMs = this.#nextMs * (1 - this.#random() / 2);
    this.#nextMs = Math.min(this.#nextMs * 2, LONGEST_MS);
    return pauseMs;
  }

  /** It worked: the next pause is a short one again. */
  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
