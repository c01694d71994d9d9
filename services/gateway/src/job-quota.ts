import { HeimdexError } from "@heimdex/errors";
import { activeTerm } from "@heimdex/kernel";
import type { Catalog } from "@heimdex/ports";

/** When to ask again for a job: some will have ended by then. */
const RETRY_AFTER_MS = 5_000;

/** Takes a tenant's jobs only as long as not too many wait. Callers at the same time may each be let through, so it may end up a few above.
 * @param most 0: no limit
 * @throws HeimdexError QUOTA_EXCEEDED, with when to come again */
export async function checkJobQuota(catalog: Catalog, tenant: string, most: number): Promise<void> {
  if (most === 0 || (await catalog.count("jobs", activeTerm(tenant))) < most) return;
  throw new HeimdexError("QUOTA_EXCEEDED", `${most} jobs have not ended yet, and no more are taken until some have`, {
    retryAfterMs: RETRY_AFTER_MS,
    metadata: { limit: String(most) },
  });
}
