/** Times of the kit's server, in ms. Renewals and polls come often, so that much is seen soon; leases live long, so that none is lost because the machine
 * is slow: the kit takes leases away itself where that is what is looked at. */
export const ACCEPT_WITHIN_MS = 30_000;
export const LEASE_TTL_MS = 30_000;
export const RENEW_EVERY_MS = 1_000;
export const MAX_WAIT_MS = 2_000;

/** When a lease that is not finished is first renewed, by the contract. */
export const FIRST_RENEWAL_MS = 2_000;
/** What may be added to a time that is judged; more where the machine is slow (Slowness). */
export const LEEWAY_MS = 1_500;
/** How long a worker may take to come up: runtimes and models are loaded meanwhile. */
export const START_MS = 90_000;
/** How long an attempt on the kit's small inputs may take. */
export const ATTEMPT_MS = 120_000;
/** How long a worker may take to come back after a fault, on a machine that is not slow: the longest pause between two tries, and a try. */
export const RECOVER_MS = 15_000;
