/** Tells attempts of one process apart in its CPU time: what the process used while several ran is shared evenly between them. Exact for an attempt
 * that ran alone, an estimate otherwise, and the sum over all attempts never exceeds what the process used. All threads of the process count. */
export class CpuShare {
  readonly #used: () => number;
  #running = 0;
  #seenMs: number;
  /** CPU time per attempt since the start: what an attempt gets is the growth of this while it runs. */
  #eachMs = 0;

  /** @param used CPU time of the process so far, in ms */
  constructor(used: () => number = processCpuMs) {
    this.#used = used;
    this.#seenMs = used();
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
    const now = this.#used();
    if (this.#running > 0) this.#eachMs += (now - this.#seenMs) / this.#running;
    this.#seenMs = now;
  }
}

function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
