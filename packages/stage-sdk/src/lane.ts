/** Slots of one stage in one lane. It outlives sessions: code of a session that has ended may still hold a slot. */
export class Lane {
  readonly stage: string;
  readonly slots: number;
  #taken = 0;
  #onFree: (() => void) | undefined;

  constructor(stage: string, slots: number) {
    this.stage = stage;
    this.slots = slots;
  }

  get free(): number {
    return Math.max(0, this.slots - this.#taken);
  }

  /** Takes a slot until the function returned is called. */
  take(): () => void {
    this.#taken += 1;
    return () => {
      this.#taken -= 1;
      this.#onFree?.();
    };
  }

  /** Whom to tell that a slot is free again: the newest poller. */
  watch(onFree: () => void): void {
    this.#onFree = onFree;
  }
}
