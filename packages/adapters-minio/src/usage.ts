import type { Bucket } from "./bucket.ts";
import { casFolder, documentsFolder, SIDECARS, uploadsFolder } from "./object-names.ts";

export interface Usage {
  readonly cas: number;
  readonly uploads: number;
  readonly sidecars: number;
}

interface Counted {
  readonly usage: Promise<Usage>;
  /** When it is to be counted anew; undefined while it is counted. */
  staleMs: number | undefined;
}

export interface UsageOptions {
  /** Objects from which on sums are kept. Default 10,000: some seconds to list. */
  readonly keepFrom?: number;
  /** How long they are kept. Default 300,000. */
  readonly keepMs?: number;
  readonly now?: () => number;
}

/** Bytes of tenants by kind, by listing all their objects: S3 keeps no sums. Whoever asks while they are counted waits for the same count. */
export class UsageCounter {
  readonly #bucket: Bucket;
  readonly #keepFrom: number;
  readonly #keepMs: number;
  readonly #now: () => number;
  readonly #counted = new Map<string, Counted>();

  constructor(bucket: Bucket, { keepFrom = 10_000, keepMs = 300_000, now = Date.now }: UsageOptions = {}) {
    this.#bucket = bucket;
    this.#keepFrom = keepFrom;
    this.#keepMs = keepMs;
    this.#now = now;
  }

  of(tenant: string): Promise<Usage> {
    const known = this.#counted.get(tenant);
    if (known !== undefined && (known.staleMs === undefined || this.#now() < known.staleMs)) return known.usage;
    const counting = this.#count(tenant);
    const counted: Counted = { usage: counting.then(({ usage }) => usage), staleMs: undefined };
    this.#counted.set(tenant, counted);
    counting.then(
      ({ objects }) => {
        if (objects < this.#keepFrom) this.#counted.delete(tenant);
        else counted.staleMs = this.#now() + this.#keepMs;
      },
      () => this.#counted.delete(tenant), // whoever asked gets the failure; the next one asks again
    );
    return counted.usage;
  }

  async #count(tenant: string): Promise<{ usage: Usage; objects: number }> {
    let objects = 0;
    const below = async (folder: string) => {
      let bytes = 0;
      for await (const { size } of this.#bucket.all(folder)) {
        bytes += size;
        objects++;
      }
      return bytes;
    };
    const [cas, uploads, sidecars, documents] = await Promise.all([
      below(casFolder(tenant)),
      below(uploadsFolder(tenant)),
      below(`${tenant}/${SIDECARS}`),
      below(documentsFolder(tenant)),
    ]);
    return { usage: { cas, uploads, sidecars: sidecars + documents }, objects };
  }
}
