import { randomBytes } from "node:crypto";
import type { Catalog, Document } from "@heimdex/ports";

/** What is stored of a lease; its version counts renewals. */
interface LeaseRecord {
  /** "" once it was given up. */
  readonly holder: string;
}

export interface CatalogLeaseOptions {
  /** Names what is done by one at a time. */
  readonly name: string;
  /** Who asks: unique to this process. */
  readonly holder: string;
  /** How long a holder that is not heard of keeps it, ms. */
  readonly ttlMs: number;
  /** A clock that never goes back, ms. Default `performance.now`. */
  readonly nowMs?: () => number;
}

/** Of its time to live, how much a holder uses: the rest is for clocks that do not run equally fast. */
const USED = 0.8;

/** A name for a process, unlike any other's, also one that was started with the same configuration. */
export function newHolder(): string {
  return `r_${randomBytes(8).toString("hex")}`;
}

/** The right to do something that one process at a time must do, as a document of the catalog. No instant is ever compared with another machine's: who wants
 * it takes it once it has seen the same version for `ttlMs` by its own clock; a holder counts its time from before its last renewal was sent, and stops
 * short of `ttlMs`. So at one instant at most one holds it, whatever the clocks of the machines say.
 * A process that was stopped for a while finds `held` false when it wakes: look at it before each write that only the holder may make. */
export class CatalogLease implements AsyncDisposable {
  readonly #catalog: Catalog;
  readonly #options: Required<CatalogLeaseOptions>;
  /** The version we wrote, while it may be ours. */
  #version: number | undefined;
  #heldUntilMs = Number.NEGATIVE_INFINITY;
  /** What somebody else wrote, and since when it stands as we know. */
  #seen = { version: 0, sinceMs: 0 };
  #closed = false;

  constructor(catalog: Catalog, options: CatalogLeaseOptions) {
    this.#catalog = catalog;
    this.#options = { nowMs: () => performance.now(), ...options };
  }

  get held(): boolean {
    return this.#options.nowMs() < this.#heldUntilMs;
  }

  /** Renews the lease, or takes it when it is free. Call it several times within `ttlMs`. Says whether it is held. Rejects as the catalog does. */
  async tend(): Promise<boolean> {
    if (this.#closed) return false;
    if (this.#version !== undefined && (await this.#write(this.#version))) return true;
    this.#version = undefined;
    this.#heldUntilMs = Number.NEGATIVE_INFINITY;
    const found = await this.#read();
    if (found === undefined) return this.#write(undefined);
    const { version, body } = found;
    // A renewal of ours whose answer was lost.
    if (body.holder === this.#options.holder || body.holder === "") return this.#write(version);
    const nowMs = this.#options.nowMs();
    if (this.#seen.version !== version) this.#seen = { version, sinceMs: nowMs };
    return nowMs - this.#seen.sinceMs >= this.#options.ttlMs ? this.#write(version) : false;
  }

  /** Who has it as far as is stored; "" when nobody. */
  async holder(): Promise<string> {
    return (await this.#read())?.body.holder ?? "";
  }

  /** Gives it up, so that others need not wait. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const version = this.#version;
    this.#heldUntilMs = Number.NEGATIVE_INFINITY;
    if (version !== undefined)
      await this.#catalog.write([{ op: "replace", version, ...this.#document({ holder: "" }) }]);
  }

  async #write(version: number | undefined): Promise<boolean> {
    const { holder, ttlMs, nowMs } = this.#options;
    const sentMs = nowMs();
    const document = this.#document({ holder });
    const [result] = await this.#catalog.write([
      version === undefined ? { op: "insert", ...document } : { op: "replace", version, ...document },
    ]);
    if (result?.ok !== true) return false;
    this.#version = result.version;
    this.#heldUntilMs = this.#closed ? Number.NEGATIVE_INFINITY : sentMs + USED * ttlMs;
    return this.held;
  }

  #read(): Promise<Document<LeaseRecord> | undefined> {
    return this.#catalog.get<LeaseRecord>("leases", this.#options.name);
  }

  #document(body: LeaseRecord) {
    return { collection: "leases", id: this.#options.name, terms: [], sort: "", body } as const;
  }
}
