import { checkPattern, subjectMatcher } from "@heimdex/ports";

export interface Listener<H> {
  readonly handler: H;
  /** Undefined: it gets every message. */
  readonly group: string | undefined;
  readonly matches: (subject: string) => boolean;
  /** False once its subscription has ended. */
  live: boolean;
}

/** Who listens to which subjects. */
export class Listeners<H> {
  /** Replaced as a whole on each change, so that a running walk over it stays valid. */
  #all: readonly Listener<H>[] = [];
  /** Where each group's round robin stands. */
  readonly #turns = new Map<string, number>();

  get size(): number {
    return this.#all.length;
  }

  /** @throws HeimdexError INVALID_ARGUMENT for a malformed pattern */
  add(pattern: string, handler: H, group: string | undefined): Listener<H> {
    checkPattern(pattern);
    const listener: Listener<H> = { handler, group, matches: subjectMatcher(pattern), live: true };
    this.#all = [...this.#all, listener];
    return listener;
  }

  remove(listener: Listener<H>): void {
    listener.live = false;
    this.#all = this.#all.filter((other) => other !== listener);
    if (listener.group !== undefined && !this.#all.some(({ group }) => group === listener.group))
      this.#turns.delete(listener.group);
  }

  clear(): void {
    for (const listener of this.#all) listener.live = false;
    this.#all = [];
    this.#turns.clear();
  }

  matching(subject: string): Listener<H>[] {
    return this.#all.filter(({ matches }) => matches(subject));
  }

  /** Of members of one group, the live one whose turn it is. */
  next(group: string, members: readonly Listener<H>[]): Listener<H> | undefined {
    const live = members.filter((member) => member.live);
    if (live.length === 0) return undefined;
    const turn = this.#turns.get(group) ?? 0;
    this.#turns.set(group, turn + 1);
    return live[turn % live.length];
  }
}
