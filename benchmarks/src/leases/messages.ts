/** What the benchmark tells a process of workers. */
export type CrowdOrder =
  /** Register, and ask for work and do it from now on. */
  | { readonly kind: "work" }
  /** Register, take one lease and renew it: all workers once. */
  | { readonly kind: "hold" }
  /** Renew again and again for so long, ms, each worker one call at a time. */
  | { readonly kind: "renew"; readonly forMs: number };

/** What it answers. Times in ms. */
export type CrowdAnswer =
  | { readonly kind: "connected" }
  | { readonly kind: "working" }
  | { readonly kind: "holding" }
  /** A worker has taken a lease: of which job, of which attempt, and when, Unix ms. Sent for repeated attempts only: the first ones are too many. */
  | { readonly kind: "again"; readonly job: string; readonly atMs: number }
  | { readonly kind: "renewed"; readonly wallMs: number; readonly callsMs: readonly number[] }
  | { readonly kind: "failed"; readonly message: string };

/** The stage of these benchmarks: one step, whose only work is the platform's. */
export const STAGE = "bench.lease";
