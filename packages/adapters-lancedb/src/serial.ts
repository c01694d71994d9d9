/** Runs tasks one after the other, in the order given. A failed task does not stop those behind it. */
export class Serial {
  #tail: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(task);
    // The caller gets the failure through `result`; the chain itself must go on.
    this.#tail = result.then(
      () => undefined,
      () => undefined,
    );
    return result;
  }

  /** Resolves when all tasks given so far have ended. */
  async idle(): Promise<void> {
    await this.#tail;
  }
}
