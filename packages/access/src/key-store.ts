import { randomBytes } from "node:crypto";
import { HeimdexError } from "@heimdex/errors";
import type { Catalog, Document } from "@heimdex/ports";
import type { Caller } from "./caller.ts";
import { isGood, type KeyRecord, opens } from "./key-record.ts";
import { isSecret, newSecret, secretHash } from "./key-secret.ts";

/** How exact `lastUsedAtMs` is: a key in use costs one write in this time. */
const LAST_USE_MS = 60_000;

/** What is asked for with a new key. */
export type NewKey = Pick<KeyRecord, "name" | "role" | "tenant" | "stages" | "expiresAtMs">;

/** A key with its secret, which is never to be had again. */
export interface IssuedKey {
  readonly record: KeyRecord;
  readonly secret: string;
}

export interface KeyStoreOptions {
  /** Unix ms. */
  readonly now: () => number;
  /** Told when the last use of a key could not be written; the call that used it goes on. */
  readonly onError: (reason: unknown) => void;
}

/** Keys in the catalog. Nothing is remembered between calls: a key that is revoked opens nothing from that moment, on every replica. */
export class KeyStore {
  readonly #catalog: Catalog;
  readonly #now: () => number;
  readonly #onError: (reason: unknown) => void;

  constructor(catalog: Catalog, { now, onError }: KeyStoreOptions) {
    this.#catalog = catalog;
    this.#now = now;
    this.#onError = onError;
  }

  /** Whose secret it is, if it is that of a key that is good now. */
  async find(secret: string): Promise<Caller | undefined> {
    if (!isSecret(secret)) return undefined;
    const hash = secretHash(secret);
    const [found] = await this.#catalog.find<KeyRecord>({ collection: "keys", term: `hash:${hash}`, limit: 1 });
    if (found === undefined || !opens(found.body, hash, this.#now())) return undefined;
    await this.#used(found);
    const { id: key, role, tenant, stages } = found.body;
    return { key, role, tenant, stages };
  }

  /** Whether the key of this id is good now. */
  async isGood(id: string): Promise<boolean> {
    const found = await this.#catalog.get<KeyRecord>("keys", id);
    return found !== undefined && isGood(found.body, this.#now());
  }

  async create(asked: NewKey): Promise<IssuedKey> {
    const secret = newSecret();
    const record: KeyRecord = {
      ...asked,
      id: `k_${randomBytes(8).toString("hex")}`,
      hash: secretHash(secret),
      previous: undefined,
      createdAtMs: this.#now(),
      revokedAtMs: 0,
      lastUsedAtMs: 0,
    };
    const [written] = await this.#catalog.write([{ op: "insert", ...stored(record) }]);
    if (written?.ok !== true) throw new HeimdexError("INTERNAL", `the id ${record.id} of a new key is taken`);
    return { record, secret };
  }

  /** Ends a key; one that has ended stays as it is. @throws HeimdexError KEY_NOT_FOUND */
  async revoke(id: string, tenant: string | undefined): Promise<KeyRecord> {
    return this.#change(id, tenant, (record) =>
      record.revokedAtMs > 0 ? record : { ...record, revokedAtMs: this.#now() },
    );
  }

  /** Gives a key a new secret; the one before stays good for `overlapMs`.
   * @throws HeimdexError KEY_NOT_FOUND, KEY_REVOKED */
  async rotate(id: string, tenant: string | undefined, overlapMs: number): Promise<IssuedKey> {
    const secret = newSecret();
    const record = await this.#change(id, tenant, (before) => {
      if (before.revokedAtMs > 0)
        throw new HeimdexError("KEY_REVOKED", `key ${id} has been revoked`, { metadata: { key: id } });
      const previous = overlapMs > 0 ? { hash: before.hash, untilMs: this.#now() + overlapMs } : undefined;
      return { ...before, hash: secretHash(secret), previous };
    });
    return { record, secret };
  }

  /** @param tenant whose key it must be; undefined: any tenant's */
  async #change(id: string, tenant: string | undefined, change: (record: KeyRecord) => KeyRecord): Promise<KeyRecord> {
    for (;;) {
      const found = await this.#catalog.get<KeyRecord>("keys", id);
      if (found === undefined || (tenant !== undefined && found.body.tenant !== tenant))
        throw new HeimdexError("KEY_NOT_FOUND", `there is no key ${id}`, { metadata: { key: id } });
      const record = change(found.body);
      if (record === found.body) return record;
      const [written] = await this.#catalog.write([{ op: "replace", version: found.version, ...stored(record) }]);
      if (written?.ok === true) return record;
    }
  }

  async #used({ body, version }: Document<KeyRecord>): Promise<void> {
    const nowMs = this.#now();
    if (nowMs - body.lastUsedAtMs < LAST_USE_MS) return;
    try {
      // A conflict is another call's or replica's note of the same minute, or a change that matters more.
      await this.#catalog.write([{ op: "replace", version, ...stored({ ...body, lastUsedAtMs: nowMs }) }]);
    } catch (reason) {
      this.#onError(reason);
    }
  }
}

function stored(record: KeyRecord) {
  const { id, tenant, hash, previous, createdAtMs } = record;
  const hashes = [hash, ...(previous === undefined ? [] : [previous.hash])];
  const terms = ["key", `tenant:${tenant}`, ...hashes.map((each) => `hash:${each}`)];
  return { collection: "keys", id, terms, sort: String(createdAtMs).padStart(16, "0"), body: record } as const;
}
