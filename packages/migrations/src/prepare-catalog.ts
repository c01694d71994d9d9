import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { HeimdexError } from "@heimdex/errors";
import type { Catalog, Document } from "@heimdex/ports";
import { MIGRATIONS, type Migration } from "./migrations.ts";

export interface PrepareOptions {
  /** Default `MIGRATIONS`. */
  readonly migrations?: readonly Migration[];
  /** How long a process that runs a migration is waited for after it was last heard of, ms. More than clocks differ. Default 60 000. */
  readonly leaseMs?: number;
  /** How often a process that waits looks, ms. Default 500. */
  readonly pollMs?: number;
}

const ID = "catalog-version";

/** The one document that says which form the others have, and who changes it. */
interface CatalogVersion {
  readonly version: number;
  readonly lease?: { readonly holder: string; readonly until_ms: number };
}

/** Brings the catalog's documents to the form this version of Heimdex knows, forward only; every service does so before it serves. Of many that start
 * at once one runs each migration, and the others wait for it; when it dies, another takes its place.
 * @throws HeimdexError DATA_VERSION_NEWER, and nothing is changed then; what a migration throws; `signal.reason` when aborted */
export async function prepareCatalog(
  catalog: Catalog,
  signal: AbortSignal,
  options: PrepareOptions = {},
): Promise<void> {
  const { migrations = MIGRATIONS, leaseMs = 60_000, pollMs = 500 } = options;
  const known = 1 + migrations.length;
  const holder = randomUUID();
  for (;;) {
    signal.throwIfAborted();
    const stored = await catalog.get<CatalogVersion>("meta", ID);
    if (stored === undefined) {
      await catalog.write([{ op: "insert", ...document({ version: 1 }) }]);
      continue;
    }
    const { version, lease } = stored.body;
    if (version > known)
      throw new HeimdexError("DATA_VERSION_NEWER", `the catalog has the form ${version}; this Heimdex knows ${known}`, {
        metadata: { found: String(version), known: String(known) },
      });
    const migration = migrations[version - 1];
    if (migration === undefined) return;
    if (lease !== undefined && Date.now() < lease.until_ms) {
      await sleep(pollMs, undefined, { signal });
      continue;
    }
    const held = new HeldVersion(catalog, stored, holder, leaseMs);
    if (await held.renew()) await held.run(migration, signal);
  }
}

/** The version's document while this process holds its lease. Each write is a compare-and-set, so whoever has lost the lease changes nothing. */
class HeldVersion {
  readonly #catalog: Catalog;
  readonly #holder: string;
  readonly #leaseMs: number;
  #stored: Document<CatalogVersion>;

  constructor(catalog: Catalog, stored: Document<CatalogVersion>, holder: string, leaseMs: number) {
    this.#catalog = catalog;
    this.#stored = stored;
    this.#holder = holder;
    this.#leaseMs = leaseMs;
  }

  /** @returns false when another process has it */
  renew(): Promise<boolean> {
    const { version } = this.#stored.body;
    return this.#replace({ version, lease: { holder: this.#holder, until_ms: Date.now() + this.#leaseMs } });
  }

  /** Runs the migration, and raises the version and gives the lease back when it is done. When the lease is lost meanwhile, it stops. */
  async run(migration: Migration, signal: AbortSignal): Promise<void> {
    const lost = new AbortController();
    const done = new AbortController();
    const renewing = this.#keepRenewing(done.signal, lost);
    try {
      await migration.run(this.#catalog, AbortSignal.any([signal, lost.signal]));
    } catch (reason) {
      done.abort();
      await renewing;
      if (lost.signal.aborted) return;
      // Others need not wait for what has ended; if they cannot be told, they see it when the lease is over.
      await this.#replace({ version: this.#stored.body.version }).catch(() => false);
      throw reason;
    }
    done.abort();
    await renewing;
    if (!lost.signal.aborted) await this.#replace({ version: this.#stored.body.version + 1 });
  }

  async #keepRenewing(done: AbortSignal, lost: AbortController): Promise<void> {
    while (!done.aborted) {
      await sleep(this.#leaseMs / 3, undefined, { signal: done }).catch(() => {});
      if (done.aborted) return;
      // A catalog that cannot be reached: the next try may succeed before the lease is over, and if not, somebody else takes it.
      const isHeld = await this.renew().catch(() => Date.now() < (this.#stored.body.lease?.until_ms ?? 0));
      if (!isHeld) return lost.abort();
    }
  }

  async #replace(body: CatalogVersion): Promise<boolean> {
    const op = { op: "replace", ...document(body), version: this.#stored.version } as const;
    const [result] = await this.#catalog.write([op]);
    if (result?.ok) this.#stored = { ...this.#stored, version: result.version, body };
    return result?.ok === true;
  }
}

function document(body: CatalogVersion) {
  return { collection: "meta", id: ID, terms: [], sort: "", body } as const;
}
