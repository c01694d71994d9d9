const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

/** Brings work that failed again after a pause that doubles with each failure. In memory only: what is lost with the process is found by the sweeps. */
export class Retries implements Disposable {
  readonly #failures = new Map<string, number>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #closed = false;

  /** Notes a failure of `id` and calls `again` later. Says how often it has failed in a row. */
  failed(id: string, again: () => void): number {
    const failures = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, failures);
    if (this.#closed) return failures;
    clearTimeout(this.#timers.get(id));
    const timer = setTimeout(
      () => {
        this.#timers.delete(id);
        again();
      },
      Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (failures - 1)),
    );
    this.#timers.set(id, timer);
    return failures;
  }

  /** Whether `id` is to be called again later. */
  waits(id: string): boolean {
    return this.#timers.has(id);
  }

  done(id: string): void {
    this.#failures.delete(id);
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
