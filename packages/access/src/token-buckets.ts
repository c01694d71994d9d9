/** How much may be asked for. */
export interface Rate {
  /** How fast a bucket fills; 0: no limit. */
  readonly perSecond: number;
  /** What it holds, so what may come at once after a pause. At least 1. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  atMs: number;
}

/** Buckets beyond which those that are full again, and so say nothing, are dropped. */
const MOST_BUCKETS = 10_000;

/** A token bucket for each key, in memory. */
export class TokenBuckets {
  readonly #rate: Rate;
  readonly #now: () => number;
  readonly #buckets = new Map<string, Bucket>();

  /** @param now ms that never go back */
  constructor(rate: Rate, now: () => number) {
    this.#rate = rate;
    this.#now = now;
  }

  /** Takes a token of the key's. Says how long to wait for one, in ms, where there is none; else 0. */
  take(key: string): number {
    const { perSecond, burst } = this.#rate;
    if (perSecond === 0) return 0;
    const nowMs = this.#now();
    if (this.#buckets.size >= MOST_BUCKETS && !this.#buckets.has(key)) this.#dropFull(nowMs);
    const bucket = this.#buckets.get(key) ?? { tokens: burst, atMs: nowMs };
    this.#buckets.set(key, bucket);
    bucket.tokens = this.#tokens(bucket, nowMs);
    bucket.atMs = nowMs;
    if (bucket.tokens < 1) return Math.ceil(((1 - bucket.tokens) / perSecond) * 1000);
    bucket.tokens -= 1;
    return 0;
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  #tokens({ tokens, atMs }: Bucket, nowMs: number): number {
    return Math.min(this.#rate.burst, tokens + ((nowMs - atMs) / 1000) * this.#rate.perSecond);
  }

  #dropFull(nowMs: number): void {
    for (const [key, bucket] of this.#buckets)
      if (this.#tokens(bucket, nowMs) >= this.#rate.burst) this.#buckets.delete(key);
  }
}
