interface Hint {
  readonly json: string;
  readonly offeredMs: number;
}

/** Takes a hint, unless it has stopped waiting. */
export type Taker = (json: string) => boolean;

/** Bounds the memory of hints that nobody takes. */
const MAX_HINTS = 100_000;

/** The hints of one subject, and who waits for one. */
export class HintQueue {
  readonly #maxAgeMs: number;
  /** By id, oldest first. */
  readonly #hints = new Map<string, Hint>();
  /** Longest waiting first. */
  readonly #takers = new Set<Taker>();

  constructor(maxAgeMs: number) {
    this.#maxAgeMs = maxAgeMs;
  }

  get isEmpty(): boolean {
    return this.#hints.size === 0 && this.#takers.size === 0;
  }

  offer(id: string, json: string, nowMs: number): void {
    this.#dropOld(nowMs);
    for (const taker of this.#takers) {
      this.#takers.delete(taker);
      if (taker(json)) return;
    }
    if (!this.#hints.has(id) && this.#hints.size < MAX_HINTS) this.#hints.set(id, { json, offeredMs: nowMs });
  }

  /** @returns the oldest hint, which is gone then; undefined when there is none */
  take(nowMs: number): string | undefined {
    this.#dropOld(nowMs);
    for (const [id, { json }] of this.#hints) {
      this.#hints.delete(id);
      return json;
    }
    return undefined;
  }

  /** Gives `taker` the next hint, once, unless it leaves before. */
  wait(taker: Taker): void {
    this.#takers.add(taker);
  }

  leave(taker: Taker): void {
    this.#takers.delete(taker);
  }

  #dropOld(nowMs: number): void {
    for (const [id, { offeredMs }] of this.#hints) {
      if (nowMs - offeredMs <= this.#maxAgeMs) return;
      this.#hints.delete(id);
    }
  }
}
