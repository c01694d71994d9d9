import type { Blobs } from "@heimdex/ports";

/** Uploads older than this belong to no attempt any more: no URL of a store lives longer. */
const IDLE_MS = 7 * 24 * 60 * 60 * 1000;
/** How often a tenant's are looked for. */
const EVERY_MS = 60 * 60 * 1000;

/** Removes uploads that came by a store's own URL after their lease had ended, and with it the rest of its uploads: such a URL outlives its lease. */
export class StaleUploads {
  readonly #blobs: Blobs;
  /** When each tenant that has uploaded since the start is to be looked after next. */
  readonly #dueMs = new Map<string, number>();

  constructor(blobs: Blobs) {
    this.#blobs = blobs;
  }

  /** A worker of this tenant is about to upload. */
  expect(tenant: string): void {
    if (!this.#dueMs.has(tenant)) this.#dueMs.set(tenant, 0);
  }

  async tend(nowMs: number): Promise<void> {
    for (const [tenant, dueMs] of this.#dueMs) {
      if (nowMs < dueMs) continue;
      await this.#blobs.dropStaleUploads(tenant, IDLE_MS);
      this.#dueMs.set(tenant, nowMs + EVERY_MS);
    }
  }
}
