import { sharesTenant } from "@heimdex/access";
import type { Poll } from "./poll.ts";

/** A step that could be leased. */
export interface ReadyStep {
  readonly job: string;
  /** Whose the job is. */
  readonly tenant: string;
  readonly stage: string;
  /** What a session must offer to get it: manifest digest and models. */
  readonly requires: string;
  /** Orders steps: smaller first. */
  readonly sort: string;
  /** Unix ms. */
  readonly notBeforeMs: number;
  /** A worker that had it was not heard of again: it may be what killed it. */
  readonly suspect: boolean;
}

/** Steps kept of one stage and requirement: the rest is read from the catalog when these are gone. */
const MOST_READY = 1_000;

/** Brings ready steps and parked polls together. In memory only: what is lost with the process is found again in the catalog.
 * A poll costs the same however many others are parked: queues are by stage and requirement. */
export class Scheduler {
  /** By stage and requirement, in order. */
  readonly #ready = new Map<string, ReadyStep[]>();
  readonly #queued = new Map<string, ReadyStep>();
  /** Those with a slot left, by stage and requirement, longest parked first. */
  readonly #polls = new Map<string, Set<Poll>>();
  readonly #due = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #scheduled = false;
  #paused = false;
  readonly #room: () => number;
  readonly #hasSuspect: (session: string) => boolean;
  readonly #onDry: (stage: string) => void;
  /** Stages of which every ready step is here: nobody else makes any, and none had to give way. */
  readonly #whole = new Set<string>();
  /** Steps meant for polls of which it is not known yet whether they became leases. */
  #handed = 0;
  /** Sessions of polls for which a suspect is among them. */
  readonly #suspected = new Set<string>();

  /** @param room how many more steps may be taken now, over all stages. Default: no limit. Call `wake` when it has grown.
   * @param hasSuspect whether a session holds a lease of a suspect: it gets no second one. So what kills its workers never takes the same others along
   * until these, too, count as lost repeatedly. Call `wake` when such a lease has ended. Default: none does.
   * @param onDry a poll waits for the stage and nothing is here for it, but there may be elsewhere. Default: there is nothing elsewhere */
  constructor(
    room: () => number = () => Number.POSITIVE_INFINITY,
    hasSuspect: (session: string) => boolean = () => false,
    onDry: (stage: string) => void = () => {},
  ) {
    this.#room = room;
    this.#hasSuspect = hasSuspect;
    this.#onDry = onDry;
  }

  /** Every step of the stage that is ready has been offered, and those to come will be. */
  whole(stage: string): void {
    this.#whole.add(stage);
  }

  /** Stages that a parked poll still has a slot for. */
  parked(): Set<string> {
    return new Set([...this.#polls.keys()].map(stageOf));
  }

  /** Whether a poll waits that may have the step. */
  awaits(step: ReadyStep): boolean {
    const polls = this.#polls.get(queueKey(step.stage, step.requires));
    return polls?.values().some((poll) => this.#suits(poll, step)) === true;
  }

  /** A step handed to a poll is a lease now; or it is none, and the poll has its slot again. */
  ended(poll: Poll, { stage, suspect }: Pick<ReadyStep, "stage" | "suspect">, leased: boolean): void {
    this.#handed--;
    if (suspect) this.#suspected.delete(poll.session.id);
    if (leased) return;
    poll.slots.set(stage, (poll.slots.get(stage) ?? 0) + 1);
    if (poll.open) this.#parkFor(poll, stage);
    this.wake();
  }

  /** A poll for a step that is about to become ready, if one waits for it and no other step does. `ended` must be called. */
  claim(step: ReadyStep): Poll | undefined {
    const key = queueKey(step.stage, step.requires);
    if (this.#paused || this.#room() <= this.#handed) return undefined;
    const nowMs = Date.now();
    if (this.#ready.get(key)?.some((other) => other.notBeforeMs <= nowMs) === true) return undefined;
    for (const poll of this.#polls.get(key) ?? []) {
      if (!this.#suits(poll, step)) continue;
      this.#hand(poll, step.stage, [step]);
      return poll;
    }
    return undefined;
  }

  #suits({ session }: Poll, { tenant, suspect }: ReadyStep): boolean {
    if (!sharesTenant(session.tenant, tenant)) return false;
    return !suspect || !(this.#suspected.has(session.id) || this.#hasSuspect(session.id));
  }

  /** Looks again whether steps can be handed out. */
  wake(): void {
    for (const key of this.#ready.keys()) this.#pumpSoon(key);
  }

  /** Adds a step; known ones stay where they are. */
  offer(step: ReadyStep): void {
    const id = `${step.job} ${step.stage}`;
    const key = queueKey(step.stage, step.requires);
    const known = this.#queued.get(id);
    this.#pumpSoon(key);
    if (known !== undefined && sameStep(known, step)) return;
    if (known !== undefined) this.#remove(known);
    this.#queued.set(id, step);
    const queue = this.#ready.get(key) ?? [];
    let at = queue.length;
    while (at > 0 && (queue[at - 1] as ReadyStep).sort > step.sort) at--;
    queue.splice(at, 0, step);
    this.#ready.set(key, queue);
    if (queue.length <= MOST_READY) return;
    const last = queue.pop() as ReadyStep;
    this.#queued.delete(`${last.job} ${last.stage}`);
    this.#whole.delete(step.stage);
  }

  /** Steps waiting for a worker, of one stage or of all. */
  waiting(stage?: string): number {
    let count = 0;
    for (const [key, queue] of this.#ready)
      if (stage === undefined || key.startsWith(`${stage} `)) count += queue.length;
    return count;
  }

  park(poll: Poll): void {
    for (const stage of poll.slots.keys()) this.#parkFor(poll, stage);
  }

  #parkFor(poll: Poll, stage: string): void {
    const key = queueKey(stage, poll.offers.get(stage) ?? "");
    const polls = this.#polls.get(key) ?? new Set();
    polls.add(poll);
    this.#polls.set(key, polls);
    if (this.#ready.has(key)) this.#pumpSoon(key);
    else if (poll.offers.has(stage) && !this.#whole.has(stage)) this.#onDry(stage);
  }

  unpark(poll: Poll): void {
    for (const stage of poll.slots.keys()) this.#unparkFor(poll, stage);
  }

  #unparkFor(poll: Poll, stage: string): void {
    const key = queueKey(stage, poll.offers.get(stage) ?? "");
    const polls = this.#polls.get(key);
    polls?.delete(poll);
    if (polls?.size === 0) this.#polls.delete(key);
  }

  /** Of a poll's slots for a stage, some are meant for these steps now. */
  #hand(poll: Poll, stage: string, steps: readonly ReadyStep[]): void {
    const left = (poll.slots.get(stage) ?? 0) - steps.length;
    poll.slots.set(stage, left);
    if (left <= 0) this.#unparkFor(poll, stage);
    this.#handed += steps.length;
    for (const { suspect } of steps) {
      if (suspect) this.#suspected.add(poll.session.id);
      poll.begun();
    }
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    if (!paused) this.wake();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#paused = true;
  }

  #remove(step: ReadyStep): void {
    const queue = this.#ready.get(queueKey(step.stage, step.requires)) ?? [];
    const at = queue.indexOf(step);
    if (at >= 0) queue.splice(at, 1);
  }

  /** Offers of one turn of the event loop are handed out together: fewer, fuller answers. */
  #pumpSoon(key: string): void {
    this.#due.add(key);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const keys = [...this.#due];
      this.#due.clear();
      for (const due of keys) this.#pump(due);
    });
  }

  #pump(key: string): void {
    const queue = this.#ready.get(key);
    if (this.#paused || queue === undefined) return;
    const nowMs = Date.now();
    let nextMs = Number.POSITIVE_INFINITY;
    for (const poll of this.#polls.get(key) ?? []) {
      const taken: ReadyStep[] = [];
      const stage = stageOf(key);
      const slots = Math.min(poll.slots.get(stage) ?? 0, this.#room() - this.#handed);
      let isDue = false;
      for (let at = 0; at < queue.length && taken.length < slots; ) {
        const step = queue[at] as ReadyStep;
        if (step.notBeforeMs > nowMs) {
          nextMs = Math.min(nextMs, step.notBeforeMs);
          at++;
          continue;
        }
        isDue = true;
        if (!this.#suits(poll, step) || (step.suspect && taken.some(({ suspect }) => suspect))) {
          at++;
          continue;
        }
        queue.splice(at, 1);
        this.#queued.delete(`${step.job} ${step.stage}`);
        taken.push(step);
      }
      if (taken.length === 0) {
        if (isDue) continue; // for others, not for this session
        break;
      }
      this.#hand(poll, stage, taken);
      for (const step of taken) poll.take(step);
    }
    if (queue.length === 0) this.#ready.delete(key);
    if (queue.length === 0 && this.#polls.has(key) && !this.#whole.has(stageOf(key))) this.#onDry(stageOf(key));
    if (nextMs < this.#timerAtMs) this.#wakeAt(nextMs, nowMs);
  }

  #wakeAt(atMs: number, nowMs: number): void {
    clearTimeout(this.#timer);
    this.#timerAtMs = atMs;
    this.#timer = setTimeout(
      () => {
        this.#timerAtMs = Number.POSITIVE_INFINITY;
        this.wake();
      },
      Math.max(1, Math.min(atMs - nowMs, 2 ** 31 - 1)),
    );
  }
}

const queueKey = (stage: string, requires: string) => `${stage} ${requires}`;
const stageOf = (key: string) => key.slice(0, key.indexOf(" "));

function sameStep(a: ReadyStep, b: ReadyStep): boolean {
  return a.requires === b.requires && a.sort === b.sort && a.notBeforeMs === b.notBeforeMs;
}
