/** Runs tasks in the order they came, never in the turn of whoever adds them, and never so long that timers and sockets starve: what tasks add
 * while they run waits for the next turn of the event loop. */
export class DeliveryQueue {
  #tasks: (() => void)[] = [];

  /** @param task must not throw */
  add(task: () => void): void {
    this.#tasks.push(task);
    if (this.#tasks.length === 1) setImmediate(() => this.#run());
  }

  #run(): void {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task();
  }
}
