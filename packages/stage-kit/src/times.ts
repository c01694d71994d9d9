/** Times of the kit's server, in ms: short, and in the proportions of the defaults. A first renewal comes 2 s after a lease whatever the server says, so
 * that `accept_within` leaves room for it. */
export const ACCEPT_WITHIN_MS = 6_000;
export const LEASE_TTL_MS = 5_000;
export const RENEW_EVERY_MS = 1_000;
export const MAX_WAIT_MS = 2_000;

/** When a lease that is not finished is first renewed, by the contract. */
export const FIRST_RENEWAL_MS = 2_000;
/** What a busy machine may add to a time that is judged. */
export const LEEWAY_MS = 1_500;
/** How long a worker may take to come up: runtimes and models are loaded meanwhile. */
export const START_MS = 90_000;
/** How long an attempt on the kit's small inputs may take. */
export const ATTEMPT_MS = 120_000;
/** How long a worker may take to come back after a fault: the longest pause between two tries, and a try. */
export const RECOVER_MS = 15_000;
