import { timingSafeEqual } from "node:crypto";
import type { Secret } from "@heimdex/config";
import { HeimdexError } from "@heimdex/errors";
import type { AuthConfig } from "./access-config.ts";
import { type Caller, LOCAL_CALLER } from "./caller.ts";
import { bearerOf, secretHash } from "./key-secret.ts";
import type { KeyStore } from "./key-store.ts";
import { OPERATOR_TENANT } from "./role.ts";

/** A key of the process's own, which is in no catalog. */
export interface OwnKey {
  readonly secret: Secret;
  readonly caller: Caller;
}

/** Keys of a configuration that open the same, each as a caller of its own: what one of them opened ends when it is gone.
 * @param as whose key begins their ids */
export function configuredKeys(secrets: readonly Secret[] | undefined, as: Caller): OwnKey[] {
  return (secrets ?? []).map((secret) => ({
    secret,
    caller: { ...as, key: `${as.key}-${secretHash(secret.reveal()).slice(0, 8)}` },
  }));
}

/** Tells who calls. */
export class Gate {
  readonly #keys: KeyStore | undefined;
  readonly #own: readonly { readonly hash: Buffer; readonly caller: Caller }[];

  private constructor(keys: KeyStore | undefined, own: readonly OwnKey[]) {
    this.#keys = keys;
    this.#own = own.map(({ secret, caller }) => ({ hash: Buffer.from(secretHash(secret.reveal())), caller }));
  }

  /** @param own keys beside those of the catalog and of the configuration. Default: none */
  static of({ required, adminKey }: AuthConfig, keys: KeyStore, own: readonly OwnKey[] = []): Gate {
    const admin: Caller = { ...LOCAL_CALLER, key: "configured", tenant: OPERATOR_TENANT };
    return required ? new Gate(keys, [...configuredKeys(adminKey, admin), ...own]) : new Gate(undefined, []);
  }

  /** Whether callers must show a key. */
  get isShut(): boolean {
    return this.#keys !== undefined;
  }

  /** Who shows this header; where no keys are asked for, whoever calls is the local user.
   * @throws HeimdexError UNAUTHENTICATED, the same for a key that is missing, unknown, revoked or expired */
  async caller(authorization: string | undefined): Promise<Caller> {
    if (this.#keys === undefined) return LOCAL_CALLER;
    const secret = bearerOf(authorization);
    const caller = secret === undefined ? undefined : (this.#ownCaller(secret) ?? (await this.#keys.find(secret)));
    if (caller !== undefined) return caller;
    throw new HeimdexError("UNAUTHENTICATED", "the call carries no key that is good");
  }

  /** Whether a key that opened it before still would. */
  async isGood(key: string): Promise<boolean> {
    if (this.#keys === undefined || this.#own.some(({ caller }) => caller.key === key)) return true;
    return this.#keys.isGood(key);
  }

  #ownCaller(secret: string): Caller | undefined {
    const hash = Buffer.from(secretHash(secret));
    return this.#own.find((own) => timingSafeEqual(own.hash, hash))?.caller;
  }
}
