/** Something that waits, with its place. */
export interface Entry {
  readonly id: string;
  /** Smaller goes first. */
  readonly sort: string;
}

/** The first of what waits, in order: at most `limit` of it, whatever comes. The rest is where it came from, and is read from there when these are done. */
export class Backlog<E extends Entry> {
  readonly #limit: number;
  readonly #entries: E[] = [];
  readonly #ids = new Set<string>();
  #isCut = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** Whether more may wait than is here. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** All that waits has been added, as far as it had room. */
  refilled(isWhole: boolean): void {
    this.#isCut = !isWhole;
  }

  has(id: string): boolean {
    return this.#ids.has(id);
  }

  /** Adds an entry; one that is here stays where it is. */
  add(entry: E): void {
    if (this.#ids.has(entry.id)) return;
    let at = this.#entries.length;
    while (at > 0 && (this.#entries[at - 1] as E).sort > entry.sort) at--;
    if (at >= this.#limit) {
      this.#isCut = true;
      return;
    }
    this.#entries.splice(at, 0, entry);
    this.#ids.add(entry.id);
    if (this.#entries.length <= this.#limit) return;
    const last = this.#entries.pop() as E;
    this.#ids.delete(last.id);
    this.#isCut = true;
  }

  /** Takes the first. */
  shift(): E | undefined {
    const first = this.#entries.shift();
    if (first !== undefined) this.#ids.delete(first.id);
    return first;
  }

  clear(): void {
    this.#entries.length = 0;
    this.#ids.clear();
    this.#isCut = false;
  }
}
