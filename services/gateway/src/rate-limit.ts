import { type Caller, type LimitsConfig, TokenBuckets } from "@heimdex/access";
import { HeimdexError } from "@heimdex/errors";

/** Holds back callers that ask too often. One for both ports: a key has one bucket, however it calls. */
export class RateLimit {
  readonly #buckets: TokenBuckets;

  /** @param isShut callers show a key; the local user is not held back */
  constructor({ requestsPerSecond, burst }: LimitsConfig, isShut: boolean) {
    this.#buckets = new TokenBuckets({ perSecond: isShut ? requestsPerSecond : 0, burst }, () => performance.now());
  }

  /** @throws HeimdexError RATE_LIMITED, with when to come again */
  check({ key }: Caller): void {
    const retryAfterMs = this.#buckets.take(key);
    if (retryAfterMs > 0)
      throw new HeimdexError("RATE_LIMITED", "the key calls more often than it may", { retryAfterMs });
  }
}
