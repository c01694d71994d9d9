import { setTimeout as delay } from "node:timers/promises";
import { HeimdexError } from "@heimdex/errors";
import type { Bus, Catalog, Subscription } from "@heimdex/ports";
import { CatalogLease } from "./catalog-lease.ts";

/** Who has the upkeep is asked for again after this long, where nobody had it. */
const AGAIN_MS = 100;
/** Longest a command is waited for that another replica carries out: as long as whoever asked for it does. */
const PASSED_MS = 24 * 3_600_000;

export interface UpkeepOptions {
  readonly catalog: Catalog;
  readonly bus: Bus;
  /** This replica. */
  readonly self: string;
  /** Nobody else can have it. */
  readonly isAlone: boolean;
  /** How long a holder that is not heard of keeps it, ms. */
  readonly ttlMs: number;
  readonly onTaken: () => void;
  readonly onLost: () => void;
}

/** What one replica does for all, while it holds the lease for it: takes jobs in, heals, writes the index, removes. The others go on without: they lease, commit and
 * settle. */
export class Upkeep implements AsyncDisposable {
  readonly #options: UpkeepOptions;
  readonly #lease: CatalogLease;
  #wasMine = false;
  /** Something was left to whoever holds the lease while it had run out, and nobody may have had it. */
  #isOwing = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    const { catalog, self: holder, ttlMs } = options;
    this.#lease = new CatalogLease(catalog, { name: "upkeep", holder, ttlMs });
  }

  /** Whether it is this replica's now. What must not be done twice asks again before each write. */
  get isMine(): boolean {
    const isMine = this.#options.isAlone || this.#lease.held;
    if (!isMine) this.#isOwing = true;
    return isMine;
  }

  /** Keeps it, or takes it when it is free. */
  async tend(): Promise<void> {
    if (this.#options.isAlone) return;
    try {
      await this.#lease.tend();
    } finally {
      const isMine = this.#lease.held;
      const wasMine = this.#wasMine;
      this.#wasMine = isMine;
      if (!isMine && wasMine) this.#options.onLost();
      if (isMine && (!wasMine || this.#isOwing)) {
        this.#isOwing = false;
        this.#options.onTaken();
      }
    }
  }

  /** Carries out a command where the upkeep is: here, or at the replica that has it. Waits while nobody has it, until `signal` aborts. */
  async run<C>(
    method: string,
    call: C,
    answer: (call: C, signal: AbortSignal) => Promise<unknown>,
    signal: AbortSignal,
  ): Promise<unknown> {
    for (;;) {
      if (this.isMine) return answer(call, signal);
      const passed = await this.#pass(method, call, signal);
      if (passed !== undefined) return passed.result;
      await delay(AGAIN_MS, undefined, { signal });
    }
  }

  /** Answers what other replicas pass on. */
  async answer<C>(
    method: string,
    answer: (call: C, signal: AbortSignal) => Promise<unknown>,
  ): Promise<Subscription | undefined> {
    const { bus, self, isAlone } = this.#options;
    if (isAlone) return undefined;
    return bus.respond(subject(self, method), async (call, _, signal) =>
      this.isMine ? { result: await answer(call as C, signal) } : {},
    );
  }

  async #pass(method: string, call: unknown, signal: AbortSignal): Promise<{ readonly result?: unknown } | undefined> {
    const { bus, self } = this.#options;
    const holder = await this.#lease.holder();
    if (holder === "" || holder === self) return undefined;
    try {
      const options = { timeoutMs: PASSED_MS, signal };
      const passed = (await bus.request(subject(holder, method), call, options)) as { readonly result?: unknown };
      return "result" in passed ? passed : undefined;
    } catch (reason) {
      if (HeimdexError.from(reason).id === "BUS_NO_RESPONDER") return undefined; // it is gone, or its successor's name is not stored yet
      throw reason;
    }
  }

  /** Gives it up, so that another replica takes it at once. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lease[Symbol.asyncDispose]();
  }
}

const subject = (replica: string, method: string) => `replica.${replica}.${method}`;
