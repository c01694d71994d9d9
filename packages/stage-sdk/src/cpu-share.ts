/** To ask the system costs up to a tenth of a ms, which many short attempts would pay twice each: what it said is taken as it was for this long. */
const FRESH_MS = 1;

/** Tells attempts of one process apart in its CPU time: what the process used while several ran is shared evenly between them. Exact to 1 ms of the
 * clock for an attempt that ran alone, an estimate otherwise, and the sum over all attempts never exceeds what the process used. All threads of the
 * process count. */
export class CpuShare {
  readonly #used: () => number;
  readonly #now: () => number;
  #running = 0;
  #seenMs: number;
  #seenAtMs: number;
  /** CPU time per attempt since the start: what an attempt gets is the growth of this while it runs. */
  #eachMs = 0;

  /** @param used CPU time of the process so far, in ms
   * @param now a clock that only goes forward, in ms */
  constructor(used: () => number = processCpuMs, now: () => number = () => performance.now()) {
    this.#used = used;
    this.#now = now;
    this.#seenMs = used();
    this.#seenAtMs = now();
  }

  /** Begins an attempt. The function returned ends it and says what it used, in ms; call it once. */
  start(): () => number {
    this.#settle();
    this.#running += 1;
    const from = this.#eachMs;
    return () => {
      this.#settle();
      this.#running -= 1;
      return this.#eachMs - from;
    };
  }

  #settle(): void {
    const nowMs = this.#now();
    if (nowMs - this.#seenAtMs < FRESH_MS) return;
    this.#seenAtMs = nowMs;
    const used = this.#used();
    if (this.#running > 0) this.#eachMs += (used - this.#seenMs) / this.#running;
    this.#seenMs = used;
  }
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
