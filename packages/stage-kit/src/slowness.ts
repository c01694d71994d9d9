const TICK_MS = 50;
/** A timer so much too late makes every time twice as long. */
const DOUBLE_AT_MS = 200;

/** How slow the machine is just now: how much too late timers of this process come, while others use the processor. Times that workers are judged by are
 * stretched by it, so that a verdict says something of the worker and not of the machine. */
export class Slowness implements Disposable {
  readonly #late: { readonly atMs: number; readonly lateMs: number }[] = [];
  readonly #timer: NodeJS.Timeout;
  #tickedAtMs = performance.now();

  constructor() {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** A time as it is on this machine: `ms` while nothing else runs, the longer the later timers have come.
   * @param sinceMs looks back so far, by `performance.now()`; default: 10 s */
  stretched(ms: number, sinceMs = performance.now() - 10_000): number {
    const now = performance.now();
    let worstMs = now - this.#tickedAtMs - TICK_MS;
    for (let at = this.#late.length - 1; at >= 0; at--) {
      const { atMs, lateMs } = this.#late[at] as { atMs: number; lateMs: number };
      if (atMs < sinceMs) break;
      worstMs = Math.max(worstMs, lateMs);
    }
    return ms * (1 + Math.max(0, worstMs) / DOUBLE_AT_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #tick(): void {
    const atMs = performance.now();
    this.#late.push({ atMs, lateMs: atMs - this.#tickedAtMs - TICK_MS });
    this.#tickedAtMs = atMs;
  }
}
